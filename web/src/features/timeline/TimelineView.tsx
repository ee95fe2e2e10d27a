/**
 * What was said, oldest first: only the rows in view exist.
 * Opens at the first unread message or at a place asked for; loads both ways without moving what is being read.
 */
import { ArrowDown, CloudOff, DoorClosed } from "lucide-react";
import { useCallback, useMemo, useState } from "react";
import type { KeyboardEvent } from "react";
import { Virtualizer } from "virtua";
import type { Conversation, MessageItem, Timeline, TimelineState } from "../../sync/api";
import { useI18n, useT } from "../../i18n/I18nProvider";
import { EmptyState, SkeletonRows } from "../../ui/Feedback";
import { Spinner } from "../../ui/Spinner";
import { useAccount, useClient, useStore } from "../context/client";
import { useNow } from "../context/time";
import { previewText } from "../conversations/preview";
import { nameOf, usePeople } from "../people/people";
import { MessageRow } from "./MessageRow";
import type { MessageActions, Place } from "./actions";
import { NoticeRow } from "./NoticeRow";
import { rowsOf } from "./rows";
import { lowestMarks, tickOf } from "./ticks";
import styles from "./TimelineView.module.css";
import { useReadMark } from "./useReadMark";
import { useOneEnd, useTimelineScroll } from "./useTimelineScroll";

export interface TimelineViewProps {
  timeline: Timeline;
  conversation: Conversation | undefined;
  actions: MessageActions;
}

export function TimelineView({ timeline, conversation, actions }: TimelineViewProps) {
  const t = useT();
  const state = useStore(timeline.state);
  switch (state.state) {
    case "loading":
      return <SkeletonRows label={t("state.loading")} rows={7} />;
    case "offline":
      return (
        <EmptyState icon={<CloudOff />} title={t("timeline.offline")}>
          {t("timeline.offlineText")}
        </EmptyState>
      );
    case "gone":
      return (
        <EmptyState icon={<DoorClosed />} title={t("timeline.gone")}>
          {t("timeline.goneText")}
        </EmptyState>
      );
    case "ready":
      return <Rows timeline={timeline} state={state} conversation={conversation} actions={actions} />;
  }
}

function Rows({ timeline, state: told, conversation, actions }: TimelineViewProps & { state: TimelineState }) {
  const state = useOneEnd(told);
  const { t, formats } = useI18n();
  const client = useClient();
  const account = useAccount();
  const now = useNow();
  const scroll = useTimelineScroll(timeline, state);
  const markSeen = useReadMark(timeline, state, conversation?.headSeq, scroll.lastVisible);
  const rows = useMemo(() => rowsOf(state.items, state.unreadAfter), [state.items, state.unreadAfter]);
  const people = usePeople(useMemo(() => peopleOf(state.items), [state.items]));
  const marks = useStore(client.marks.of(timeline.conversationId));
  const lowest = useMemo(() => lowestMarks(marks, account.userId), [marks, account.userId]);
  const [activeKey, setActiveKey] = useState<string | undefined>(undefined);
  const activate = useCallback((key: string | undefined) => {
    if (!isOverlayOpen()) setActiveKey(key);
  }, []);
  const onScroll = () => {
    scroll.onScroll();
    markSeen();
  };
  const place = usePlace(conversation);
  const highlighted = state.anchor?.highlight === true ? state.anchor.seq : undefined;
  return (
    <div className={styles.timeline}>
      <div
        ref={scroll.scroller}
        className={styles.scroller}
        role="log"
        aria-live="off"
        aria-label={t("timeline.label")}
        tabIndex={0}
        onKeyDown={(event) => moveFocus(event, scroll.scroller.current)}
        onPointerLeave={() => activate(undefined)}
      >
        <div className={styles.spacer} />
        <Virtualizer ref={scroll.handle} scrollRef={scroll.scroller} data={rows} shift={scroll.shift} onScroll={onScroll} bufferSize={600}>
          {({ item, startsDay, startsUnread, grouped }) => (
            <div key={item.key}>
              {startsDay ? <Separator text={formats.day(item.sentAt, now)} /> : null}
              {startsUnread ? <Separator text={t("timeline.unread")} unread /> : null}
              {item.type === "notice" ? (
                <NoticeRow item={item} conversation={conversation} people={people} />
              ) : (
                <MessageRow
                  item={item}
                  grouped={grouped}
                  people={people}
                  actions={actions}
                  timeline={timeline}
                  tick={item.mine ? tickOf(item, lowest) : undefined}
                  active={activeKey === item.key}
                  onActivate={activate}
                  highlighted={highlighted !== undefined && item.seq === highlighted ? state.jump : undefined}
                  place={place}
                />
              )}
            </div>
          )}
        </Virtualizer>
      </div>
      {state.loadingOlder ? <LoadingOlder /> : null}
      <ToEnd timeline={timeline} conversation={conversation} visible={!scroll.following || !state.atEnd} />
      <Announcer state={state} />
    </div>
  );
}

/** The same object while kind and role are the same, so that rows are not drawn again for nothing. */
function usePlace(conversation: Conversation | undefined): Place | undefined {
  const { kind, role } = conversation ?? {};
  return useMemo(() => (kind === undefined || role === undefined ? undefined : { kind, role }), [kind, role]);
}

/** A menu or picker of a message is open: its message keeps its buttons. */
function isOverlayOpen(): boolean {
  return document.querySelector("[data-radix-popper-content-wrapper] > :is([role=menu], [role=dialog])") !== null;
}

function Separator({ text, unread }: { text: string; unread?: boolean }) {
  return (
    <div className={unread === true ? styles.unread : styles.day} role="separator" aria-label={text}>
      <span>{text}</span>
    </div>
  );
}

function LoadingOlder() {
  const t = useT();
  return (
    <div className={styles.loading} role="status">
      <Spinner />
      <span className="visually-hidden">{t("timeline.loadingOlder")}</span>
    </div>
  );
}

function ToEnd({ timeline, conversation, visible }: { timeline: Timeline; conversation: Conversation | undefined; visible: boolean }) {
  const t = useT();
  if (!visible) return null;
  const unread = conversation?.unread ?? 0;
  return (
    <button type="button" className={styles.toEnd} onClick={() => void timeline.jumpToEnd()}>
      <ArrowDown aria-hidden="true" />
      {unread > 0 ? t("timeline.newMessages", { count: unread }) : t("timeline.toEnd")}
    </button>
  );
}

/** Says the newest message of somebody else to who listens rather than looks. */
function Announcer({ state }: { state: TimelineState }) {
  const t = useT();
  const last = state.atEnd ? state.items.at(-1) : undefined;
  const message = last?.type === "message" && !last.mine ? last : undefined;
  const people = usePeople(message === undefined ? [] : [message.senderId]);
  const [first] = useState(message?.key);
  const said = useCallback(
    (item: MessageItem) =>
      t("timeline.announce", {
        name: nameOf(people, item.senderId, t),
        text: previewText({ body: item.body, attachments: item.attachments, deleted: item.deletedAt !== undefined }, t),
      }),
    [t, people],
  );
  return (
    <div className="visually-hidden" aria-live="polite">
      {message === undefined || message.key === first ? "" : said(message)}
    </div>
  );
}

/** The arrows move from message to message, so that their buttons can be reached without a mouse. */
function moveFocus(event: KeyboardEvent, scroller: HTMLElement | null): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  const target = event.target as HTMLElement;
  const onRow = target === scroller || target.matches("[data-row]");
  if (scroller === null || step === 0 || !onRow || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = [...scroller.querySelectorAll<HTMLElement>("[data-row]")];
  const current = rows.indexOf(target);
  const next = target === scroller ? lastInView(rows, scroller) : rows[current + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function lastInView(rows: readonly HTMLElement[], scroller: HTMLElement): HTMLElement | undefined {
  const { bottom } = scroller.getBoundingClientRect();
  return rows.findLast((row) => row.getBoundingClientRect().bottom <= bottom + 1);
}

function peopleOf(items: TimelineState["items"]): readonly string[] {
  const ids = new Set<string>();
  for (const item of items) {
    if (item.type === "message") {
      ids.add(item.senderId);
      for (const userId of item.mentions) ids.add(userId);
    } else {
      ids.add(item.event.senderId);
      for (const userId of peopleOfEvent(item.event)) ids.add(userId);
    }
  }
  return [...ids];
}

type NoticeEvent = Extract<TimelineState["items"][number], { type: "notice" }>["event"];

export function peopleOfEvent(event: NoticeEvent): readonly string[] {
  switch (event.kind) {
    case "membersAdded":
      return event.userIds.slice(0, 20);
    case "memberRemoved":
      return [event.removedUserId];
    case "roleChanged":
      return [event.memberId];
    case "created":
      return event.members.slice(0, 20).map((member) => member.userId);
    case "described":
      return [];
  }
}
