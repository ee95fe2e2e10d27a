/**
 * What the page shows before a conversation is chosen: on a wide screen the latest one opens by itself.
 * On a phone the list is the home; who is in no conversation yet gets a welcome.
 */
import { Hash, MessagesSquare, SquarePen } from "lucide-react";
import { useEffect } from "react";
import { useT } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { EmptyState } from "../../ui/Feedback";
import { useAccount, useClient, useStore } from "../context/client";
import { useGo } from "../context/navigation";
import { useMediaQuery } from "../useMediaQuery";

export function HomePage({ onNew }: { onNew: () => void }) {
  const t = useT();
  const go = useGo();
  const account = useAccount();
  const { items, state } = useStore(useClient().conversations.list);
  const narrow = useMediaQuery("(max-width: 720px)");
  const latest = items[0]?.conversationId;
  useEffect(() => {
    if (!narrow && latest !== undefined) go({ page: "conversation", conversationId: latest }, { replace: true });
  }, [narrow, latest, go]);
  if (narrow || state === "loading" || latest !== undefined) return <h1 className="visually-hidden">{t("home.title")}</h1>;
  return (
    <EmptyState
      icon={<MessagesSquare />}
      title={t("home.welcome", { name: account.displayName })}
      action={
        <>
          <Button tone="accent" icon={<SquarePen />} onClick={onNew}>
            {t("conversations.new")}
          </Button>
          <Button icon={<Hash />} onClick={() => go({ page: "channels" })}>
            {t("conversations.browse")}
          </Button>
        </>
      }
    >
      <h1 className="visually-hidden">{t("home.title")}</h1>
      {t("home.text")}
    </EmptyState>
  );
}
