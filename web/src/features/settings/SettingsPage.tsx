/**
 * The settings, by tab; the tab is part of the address.
 * Each tab asks the core for itself.
 */
import { Bell, Keyboard, KeyRound, MessageSquareText, Palette, UserPlus, UserRound } from "lucide-react";
import type { ReactNode } from "react";
import { useT } from "../../i18n/I18nProvider";
import { Tabs } from "../../ui/Tabs";
import { useGo } from "../context/navigation";
import { SETTINGS_TABS } from "../context/route";
import type { SettingsTab } from "../context/route";
import { PageHeader, ScrollPage } from "../shell/PageHeader";
import { AppearanceTab } from "./AppearanceTab";
import { InvitationsTab } from "./InvitationsTab";
import { MessagesTab } from "./MessagesTab";
import { NotificationsTab } from "./NotificationsTab";
import { ProfileTab } from "./ProfileTab";
import styles from "./Section.module.css";
import { SecurityTab } from "./SecurityTab";
import { ShortcutsTab } from "./ShortcutsTab";

const CONTENTS: Readonly<Record<SettingsTab, { icon: ReactNode; content: ReactNode }>> = {
  profile: { icon: <UserRound />, content: <ProfileTab /> },
  appearance: { icon: <Palette />, content: <AppearanceTab /> },
  notifications: { icon: <Bell />, content: <NotificationsTab /> },
  messages: { icon: <MessageSquareText />, content: <MessagesTab /> },
  security: { icon: <KeyRound />, content: <SecurityTab /> },
  invitations: { icon: <UserPlus />, content: <InvitationsTab /> },
  shortcuts: { icon: <Keyboard />, content: <ShortcutsTab /> },
};

export default function SettingsPage({ tab }: { tab: SettingsTab }) {
  const t = useT();
  const go = useGo();
  return (
    <ScrollPage wide header={<PageHeader title={t("settings.title")} />}>
      <Tabs
        label={t("settings.title")}
        value={tab}
        onValueChange={(next) => go({ page: "settings", tab: next }, { replace: true })}
        tabs={SETTINGS_TABS.map((value) => ({
          value,
          label: t(`settings.${value}`),
          icon: CONTENTS[value].icon,
          content: <div className={styles.narrow}>{CONTENTS[value].content}</div>,
        }))}
      />
    </ScrollPage>
  );
}
