/**
 * Where the page begins: makes the core in the real world, hands it to the pages, and ties both to the browser's events.
 * Knows every folder; nothing knows it.
 */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { sendFile } from "../connection/upload";
import { Root } from "../features/Root";
import { Core } from "../sync/core";
import { openStorage } from "../sync/database";
import { browserTabs } from "../sync/tabs";
import { tie } from "./browser";
import { browserNavigation } from "./history";
import { rememberLooks, showRememberedLooks } from "./looks";
import { keepAssets, openAsTold } from "./worker";
import { world } from "./world";
import "../ui/base.css";

async function begin(): Promise<void> {
  showRememberedLooks();
  const tabs = browserTabs(crypto.randomUUID());
  const core = new Core({ environment: world, storage: await openStorage(), tabs, sendFile });
  rememberLooks(core.preferences.state);
  tie(core);
  const root = document.getElementById("root");
  if (root === null) throw new Error("invariant: index.html has #root");
  const navigation = browserNavigation();
  openAsTold(navigation.navigate);
  createRoot(root).render(
    <StrictMode>
      <Root client={core} navigation={navigation} />
    </StrictMode>,
  );
  await core.start();
  keepAssets();
}

void begin();
