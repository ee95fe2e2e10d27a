/**
 * The column at the side: who I am, finding and starting, the conversations.
 * Knows no conversation: the list does.
 */
import { Compass, Search, Settings, Shield, SquarePen } from "lucide-react";
import { useT } from "../../i18n/I18nProvider";
import { IconButton } from "../../ui/Button";
import { ConversationList } from "../conversations/ConversationList";
import { useAccount, useClient, useStore } from "../context/client";
import { useGo } from "../context/navigation";
import { PermissionPrompt } from "../notifications/PermissionPrompt";
import { AccountMenu } from "./AccountMenu";
import { shortcutLabel } from "./shortcuts";
import styles from "./Sidebar.module.css";

export function Sidebar({ onSwitch, onNew }: { onSwitch: () => void; onNew: () => void }) {
  const t = useT();
  const go = useGo();
  const account = useAccount();
  const session = useStore(useClient().session.state);
  const name = session.kind === "loggedIn" ? session.server?.name : undefined;
  return (
    <nav className={styles.sidebar} aria-label={t("shell.navigation")}>
      <div className={styles.head}>
        <h2 className={styles.name}>{name === undefined || name === "" ? "DynamoWave Chat" : name}</h2>
        <IconButton label={t("conversations.browse")} onClick={() => go({ page: "channels" })}>
          <Compass />
        </IconButton>
        <IconButton label={t("conversations.new")} onClick={onNew}>
          <SquarePen />
        </IconButton>
      </div>
      <button type="button" className={styles.search} onClick={onSwitch}>
        <Search aria-hidden="true" />
        <span>{t("switcher.open")}</span>
        <kbd aria-hidden="true">{shortcutLabel("switcher")}</kbd>
      </button>
      <ConversationList onNew={onNew} />
      <PermissionPrompt />
      <div className={styles.foot}>
        <AccountMenu />
        <IconButton label={t("search.title")} hint={shortcutLabel("search")} onClick={() => go({ page: "search", query: "" })}>
          <Search />
        </IconButton>
        {account.role === "member" ? null : (
          <IconButton label={t("admin.title")} onClick={() => go({ page: "admin", tab: "overview" })}>
            <Shield />
          </IconButton>
        )}
        <IconButton label={t("settings.title")} hint={shortcutLabel("settings")} onClick={() => go({ page: "settings", tab: "profile" })}>
          <Settings />
        </IconButton>
      </div>
    </nav>
  );
}
