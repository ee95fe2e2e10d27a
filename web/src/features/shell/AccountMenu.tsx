/**
 * Oneself: picture, name, status, and the menu with what concerns the account.
 * Knows which pages there are, not what is on them.
 */
import { BellOff, Keyboard, LogOut, SmilePlus, UserPlus, UserRound } from "lucide-react";
import { useState } from "react";
import { useT } from "../../i18n/I18nProvider";
import { Menu, MenuItem, MenuSeparator } from "../../ui/Menu";
import { Confirm } from "../../ui/Dialog";
import { useAccount, useClient, useStore } from "../context/client";
import { useGo } from "../context/navigation";
import { useAction } from "../context/useAction";
import { PersonAvatar, Username } from "../people/people";
import { StatusDialog } from "../settings/StatusDialog";
import styles from "./AccountMenu.module.css";

const QUIET_MS = 60 * 60_000;

export function AccountMenu() {
  const t = useT();
  const go = useGo();
  const client = useClient();
  const account = useAccount();
  const preferences = useStore(client.preferences.state);
  const live = useStore(client.connection).status === "live";
  const action = useAction();
  const [dialog, setDialog] = useState<"status" | "logOut" | undefined>(undefined);
  const quiet = preferences.doNotDisturbUntil !== undefined && Date.parse(preferences.doNotDisturbUntil) > client.now();
  const setQuiet = () =>
    void action.run(() =>
      client.preferences.update({ doNotDisturbUntil: quiet ? null : new Date(client.now() + QUIET_MS).toISOString() }),
    );
  const logOut = async () => {
    if (await action.run(() => client.session.logOut())) go({ page: "home" }, { replace: true });
  };
  const status = [account.status?.emoji, account.status?.text].filter(Boolean).join(" ");
  return (
    <>
      <Menu
        label={t("account.menu")}
        align="start"
        side="top"
        trigger={
          <button type="button" className={styles.me}>
            <span className="visually-hidden">{t("account.menu")}</span>
            <PersonAvatar userId={account.userId} presence={live ? "online" : "offline"} />
            <span className={styles.names}>
              <span className={styles.name}>{account.displayName}</span>
              <span className={styles.status}>{status === "" ? <Username name={account.username} /> : status}</span>
            </span>
            {quiet ? <BellOff className={styles.quiet} aria-hidden="true" /> : null}
          </button>
        }
      >
        <MenuItem icon={<SmilePlus />} onSelect={() => setDialog("status")}>
          {t("status.set")}
        </MenuItem>
        <MenuItem icon={<BellOff />} onSelect={setQuiet}>
          {t(quiet ? "quiet.end" : "quiet.hour")}
        </MenuItem>
        <MenuSeparator />
        <MenuItem icon={<UserRound />} onSelect={() => go({ page: "settings", tab: "profile" })}>
          {t("settings.profile")}
        </MenuItem>
        <MenuItem icon={<UserPlus />} onSelect={() => go({ page: "settings", tab: "invitations" })}>
          {t("invites.invite")}
        </MenuItem>
        <MenuItem icon={<Keyboard />} onSelect={() => go({ page: "settings", tab: "shortcuts" })}>
          {t("settings.shortcuts")}
        </MenuItem>
        <MenuSeparator />
        <MenuItem icon={<LogOut />} onSelect={() => setDialog("logOut")}>
          {t("auth.logOut")}
        </MenuItem>
      </Menu>
      <StatusDialog open={dialog === "status"} onClose={() => setDialog(undefined)} />
      <Confirm
        open={dialog === "logOut"}
        onClose={() => setDialog(undefined)}
        onConfirm={() => void logOut()}
        busy={action.busy}
        title={t("auth.logOutTitle")}
        description={t("auth.logOutText")}
        confirmLabel={t("auth.logOut")}
        cancelLabel={t("action.cancel")}
      />
    </>
  );
}
