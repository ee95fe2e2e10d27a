/**
 * The conversations by latest activity, all or the unread ones.
 * Only the rows in view exist, so that thousands cost what a screen does.
 */
import { Inbox, MessageSquarePlus } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { Virtualizer } from "virtua";
import type { Conversation } from "../../sync/api";
import { useT } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { classes } from "../../ui/classes";
import { EmptyState, SkeletonRows } from "../../ui/Feedback";
import { useClient, useStore } from "../context/client";
import { useRoute } from "../context/navigation";
import { usePeople, usePresence } from "../people/people";
import { ConversationRow } from "./ConversationRow";
import styles from "./ConversationList.module.css";

const PRESENCE_MAX = 60;

type Filter = "all" | "unread";

export function ConversationList({ onNew }: { onNew: () => void }) {
  const t = useT();
  const route = useRoute();
  const scroller = useRef<HTMLDivElement>(null);
  const list = useStore(useClient().conversations.list);
  const [filter, setFilter] = useState<Filter>("all");
  const openId = route.page === "conversation" ? route.conversationId : undefined;
  const shown = useMemo(
    () => (filter === "all" ? list.items : list.items.filter((item) => isWaiting(item) || item.conversationId === openId)),
    [list.items, filter, openId],
  );
  const people = usePeople(useMemo(() => peopleOf(shown), [shown]));
  const presence = usePresence(useMemo(() => othersOf(shown), [shown]));
  return (
    <>
      <div className={styles.filters} role="group" aria-label={t("conversations.filter")}>
        {(["all", "unread"] as const).map((name) => (
          <button
            key={name}
            type="button"
            className={classes(styles.filter, filter === name && styles.chosen)}
            aria-pressed={filter === name}
            onClick={() => setFilter(name)}
          >
            {t(`conversations.filter.${name}`)}
          </button>
        ))}
      </div>
      <div ref={scroller} className={styles.scroller}>
        {list.state === "loading" ? <SkeletonRows label={t("state.loading")} rows={6} /> : null}
        {shown.length === 0 ? null : (
          <Virtualizer as="ul" item="li" data={shown} scrollRef={scroller} bufferSize={400}>
            {(item) => (
              <ConversationRow
                key={item.conversationId}
                conversation={item}
                open={item.conversationId === openId}
                people={people}
                presence={item.otherId === undefined ? undefined : presence.get(item.otherId)?.status}
              />
            )}
          </Virtualizer>
        )}
        {list.state === "ready" && shown.length === 0 ? <Nothing filter={filter} onNew={onNew} /> : null}
      </div>
    </>
  );
}

function Nothing({ filter, onNew }: { filter: Filter; onNew: () => void }) {
  const t = useT();
  if (filter === "unread") {
    return (
      <EmptyState icon={<Inbox />} title={t("conversations.noUnread")}>
        {t("conversations.noUnreadText")}
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<MessageSquarePlus />}
      title={t("conversations.none")}
      action={<Button onClick={onNew}>{t("conversations.new")}</Button>}
    >
      {t("conversations.noneText")}
    </EmptyState>
  );
}

function isWaiting(item: Conversation): boolean {
  return item.unread > 0 || item.mentions > 0 || item.failed > 0;
}

function peopleOf(items: readonly Conversation[]): readonly string[] {
  const ids = items.flatMap((item) => [item.otherId, item.last?.senderId]).filter((id) => id !== undefined);
  return [...new Set(ids)];
}

function othersOf(items: readonly Conversation[]): readonly string[] {
  return items
    .map((item) => item.otherId)
    .filter((id) => id !== undefined)
    .slice(0, PRESENCE_MAX);
}
