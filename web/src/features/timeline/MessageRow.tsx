/**
 * One message: who, when, what it answers, its text, files and reactions, and how far it has come.
 * Its buttons exist only while it is pointed at or focused.
 */
import { memo } from "react";
import type { FocusEvent, PointerEvent } from "react";
import type { MessageItem, Timeline } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { classes } from "../../ui/classes";
import { Attachments } from "../attachments/Attachments";
import { useAccount } from "../context/client";
import { useNow } from "../context/time";
import { Markdown } from "../markdown/Markdown";
import { PersonAvatar, nameOf } from "../people/people";
import type { People } from "../people/people";
import type { MessageActions, Place } from "./actions";
import { FailedBar } from "./FailedBar";
import { MessageToolbar } from "./MessageToolbar";
import styles from "./MessageRow.module.css";
import { Quote } from "./Quote";
import { Reactions } from "./Reactions";
import { TickIcon } from "./TickIcon";
import type { Tick } from "./ticks";

export interface MessageRowProps {
  item: MessageItem;
  grouped: boolean;
  people: People;
  actions: MessageActions;
  timeline: Timeline;
  tick: Tick | undefined;
  active: boolean;
  onActivate: (key: string | undefined) => void;
  /** Grows when it is to be marked, so that it is marked anew. */
  highlighted: number | undefined;
  place: Place | undefined;
}

export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { item, grouped, people, actions, timeline, tick, active, onActivate, highlighted, place } = props;
  const { t, formats } = useI18n();
  const account = useAccount();
  const name = item.mine ? account.displayName : nameOf(people, item.senderId, t);
  const deleted = item.deletedAt !== undefined;
  const onBlur = (event: FocusEvent<HTMLElement>) => {
    if (!event.currentTarget.contains(event.relatedTarget)) onActivate(undefined);
  };
  // Moves alone: a row that passes under a pointer at rest is not what one points at.
  const onPointer = (event: PointerEvent) => {
    if (active) return;
    if (event.pointerType === "mouse" || event.type === "pointerup") onActivate(item.key);
  };
  return (
    <article
      key={highlighted}
      data-row={item.key}
      data-seq={item.seq}
      tabIndex={-1}
      aria-label={t("message.label", { name, time: formats.time(item.sentAt) })}
      className={classes(
        styles.row,
        grouped && styles.grouped,
        item.mentions.includes(account.userId) && !deleted && styles.mentionsMe,
        item.state === "pending" && styles.pending,
        item.state === "failed" && styles.failed,
        highlighted !== undefined && styles.highlighted,
        active && styles.active,
      )}
      onPointerMove={onPointer}
      onPointerUp={onPointer}
      onFocus={() => onActivate(item.key)}
      onBlur={onBlur}
    >
      <div className={styles.gutter}>
        {grouped ? <GutterTime at={item.sentAt} /> : <PersonAvatar userId={item.senderId} />}
      </div>
      <div className={styles.content}>
        {grouped ? null : <Head item={item} name={name} onAuthor={actions.showAuthor} />}
        {item.replyTo === undefined || deleted ? null : <Quote timeline={timeline} seq={item.replyTo} people={people} />}
        {deleted ? (
          <p className={styles.deleted}>{t("message.deleted")}</p>
        ) : (
          <>
            {item.body === "" ? null : <Markdown source={item.body} mentions={item.mentions} people={people} />}
            {item.edits > 0 || item.editedAt !== undefined ? <Edited item={item} onShow={actions.showVersions} /> : null}
            <Attachments attachments={item.attachments} />
            <Reactions item={item} conversationId={timeline.conversationId} onShow={actions.showReactions} enabled={place !== undefined} />
          </>
        )}
        {item.error === undefined ? null : <FailedBar item={item} error={item.error} />}
      </div>
      <div className={styles.end}>{tick === undefined || deleted ? null : <TickIcon tick={tick} />}</div>
      {active && !deleted && item.seq !== undefined ? (
        <MessageToolbar item={item} conversationId={timeline.conversationId} actions={actions} place={place} />
      ) : null}
    </article>
  );
});

function Head({ item, name, onAuthor }: { item: MessageItem; name: string; onAuthor: (item: MessageItem) => void }) {
  const { formats } = useI18n();
  const now = useNow();
  return (
    <header className={styles.head}>
      <button type="button" className={styles.name} onClick={() => onAuthor(item)}>
        {name}
      </button>
      <time className={styles.time} dateTime={item.sentAt} title={`${formats.exact(item.sentAt)} (${formats.relative(item.sentAt, now)})`}>
        {formats.time(item.sentAt)}
      </time>
    </header>
  );
}

function GutterTime({ at }: { at: string }) {
  const { formats } = useI18n();
  return (
    <time className={styles.gutterTime} dateTime={at} title={formats.exact(at)}>
      {formats.time(at)}
    </time>
  );
}

function Edited({ item, onShow }: { item: MessageItem; onShow: (item: MessageItem) => void }) {
  const { t, formats } = useI18n();
  return (
    <button
      type="button"
      className={styles.edited}
      title={item.editedAt === undefined ? undefined : formats.exact(item.editedAt)}
      onClick={() => onShow(item)}
    >
      {t(item.changing ? "message.changing" : "message.edited")}
    </button>
  );
}

