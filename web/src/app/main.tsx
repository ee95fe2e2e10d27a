/**
 * Where the page begins: makes the core, and hands it to the pages.
 * Knows every folder; nothing knows it.
 */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";

const root = document.getElementById("root");
if (root === null) throw new Error("invariant: index.html has #root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
