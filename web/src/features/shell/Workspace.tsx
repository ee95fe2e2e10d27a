/**
 * The app once somebody is logged in: sidebar beside page; on a phone one of the two, by address.
 * Knows which page an address shows, and the keys that work everywhere.
 */
import { Suspense, lazy, useState } from "react";
import { useT } from "../../i18n/I18nProvider";
import { SkeletonRows } from "../../ui/Feedback";
import { classes } from "../../ui/classes";
import { ConversationPage } from "../conversations/ConversationPage";
import { useGo, useRoute } from "../context/navigation";
import type { Route } from "../context/route";
import { Notifier } from "../notifications/Notifier";
import { ConnectionBanner } from "./ConnectionBanner";
import { CrashBoundary } from "./CrashBoundary";
import { HomePage } from "./HomePage";
import { useShortcuts } from "./shortcuts";
import { Sidebar } from "./Sidebar";
import { useActivity } from "./useActivity";
import styles from "./Workspace.module.css";

const BrowseChannels = lazy(() => import("../conversations/BrowseChannels"));
const NewConversationDialog = lazy(() => import("../conversations/NewConversationDialog"));
const SearchPage = lazy(() => import("../search/SearchPage"));
const Switcher = lazy(() => import("../conversations/Switcher"));
const SettingsPage = lazy(() => import("../settings/SettingsPage"));
const AdminPage = lazy(() => import("../admin/AdminPage"));

type Overlay = "switcher" | "new" | undefined;

export default function Workspace() {
  const t = useT();
  const route = useRoute();
  const go = useGo();
  const [overlay, setOverlay] = useState<Overlay>(undefined);
  useActivity();
  useShortcuts({
    switcher: () => setOverlay((before) => (before === "switcher" ? undefined : "switcher")),
    search: () => go({ page: "search", query: "" }),
    settings: () => go({ page: "settings", tab: "profile" }),
  });
  const close = () => setOverlay(undefined);
  return (
    <div className={classes(styles.workspace, showsPage(route) && styles.showsPage)}>
      <a className={styles.skip} href="#page">
        {t("shell.skip")}
      </a>
      <Sidebar onSwitch={() => setOverlay("switcher")} onNew={() => setOverlay("new")} />
      <div className={styles.column}>
        <main id="page" tabIndex={-1} className={styles.page}>
          <ConnectionBanner />
          <CrashBoundary resetKey={JSON.stringify(route)}>
            <Suspense fallback={<SkeletonRows label={t("state.loading")} rows={6} />}>
              <Page route={route} onNew={() => setOverlay("new")} />
            </Suspense>
          </CrashBoundary>
        </main>
      </div>
      <Suspense fallback={null}>
        {overlay === "switcher" ? <Switcher onClose={close} /> : null}
        {overlay === "new" ? <NewConversationDialog onClose={close} /> : null}
      </Suspense>
      <Notifier />
    </div>
  );
}

/** Whether a phone shows the page rather than the list. */
function showsPage(route: Route): boolean {
  return route.page !== "home" && route.page !== "login" && route.page !== "register" && route.page !== "join";
}

function Page({ route, onNew }: { route: Route; onNew: () => void }) {
  switch (route.page) {
    case "conversation":
      return <ConversationPage key={route.conversationId} route={route} />;
    case "search":
      return <SearchPage query={route.query} />;
    case "channels":
      return <BrowseChannels />;
    case "settings":
      return <SettingsPage tab={route.tab} />;
    case "admin":
      return <AdminPage tab={route.tab} />;
    case "home":
    case "login":
    case "register":
    case "join":
      return <HomePage onNew={onNew} />;
  }
}
