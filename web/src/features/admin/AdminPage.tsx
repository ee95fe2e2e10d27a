/**
 * Looking after the server, for its owner and admins: how it is, people, conversations, dead letters.
 * Never what is said: the server does not tell, and no page asks.
 */
import { Activity, Inbox, MessagesSquare, ShieldOff, UsersRound } from "lucide-react";
import { useT } from "../../i18n/I18nProvider";
import { EmptyState } from "../../ui/Feedback";
import { Tabs } from "../../ui/Tabs";
import { useAccount } from "../context/client";
import { useGo } from "../context/navigation";
import { ADMIN_TABS } from "../context/route";
import type { AdminTab } from "../context/route";
import { PageHeader, ScrollPage } from "../shell/PageHeader";
import { ConversationsTab } from "./ConversationsTab";
import { DeadLettersTab } from "./DeadLettersTab";
import { OverviewTab } from "./OverviewTab";
import { UsersTab } from "./UsersTab";

const CONTENTS = {
  overview: { icon: <Activity />, content: <OverviewTab /> },
  users: { icon: <UsersRound />, content: <UsersTab /> },
  conversations: { icon: <MessagesSquare />, content: <ConversationsTab /> },
  "dead-letters": { icon: <Inbox />, content: <DeadLettersTab /> },
} as const;

export default function AdminPage({ tab }: { tab: AdminTab }) {
  const t = useT();
  const go = useGo();
  const account = useAccount();
  const header = <PageHeader title={t("admin.title")} />;
  if (account.role === "member") {
    return (
      <ScrollPage header={header}>
        <EmptyState icon={<ShieldOff />} title={t("admin.forbidden")}>
          {t("admin.forbiddenText")}
        </EmptyState>
      </ScrollPage>
    );
  }
  return (
    <ScrollPage wide header={header}>
      <Tabs
        label={t("admin.title")}
        value={tab}
        onValueChange={(next) => go({ page: "admin", tab: next }, { replace: true })}
        tabs={ADMIN_TABS.map((value) => ({ value, label: t(`admin.${value}`), ...CONTENTS[value] }))}
      />
    </ScrollPage>
  );
}
