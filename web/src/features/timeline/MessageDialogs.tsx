/**
 * The dialogs about one message: who has read it, what it said before, who reacted, whether it shall really be deleted.
 * Ask the core for what they show when they open.
 */
import { useCallback } from "react";
import type { ReactNode } from "react";
import type { ConversationId, MessageItem } from "../../sync/api";
import { useI18n, useT } from "../../i18n/I18nProvider";
import { Confirm, Dialog } from "../../ui/Dialog";
import { Banner, SkeletonRows } from "../../ui/Feedback";
import { useAccount, useClient, useStore } from "../context/client";
import { errorText } from "../context/errors";
import { useLoad } from "../context/useLoad";
import type { Loaded } from "../context/useLoad";
import { Markdown } from "../markdown/Markdown";
import { PersonAvatar, nameOf, usePeople } from "../people/people";
import ProfileDialog from "../people/ProfileDialog";
import styles from "./MessageDialogs.module.css";

export interface Opened {
  readonly kind: "readers" | "versions" | "reactions" | "author" | "remove";
  readonly item: MessageItem;
}

export interface MessageDialogsProps {
  opened: Opened;
  conversationId: ConversationId;
  onClose: () => void;
}

export default function MessageDialogs({ opened, conversationId, onClose }: MessageDialogsProps) {
  const t = useT();
  const { messages } = useClient();
  const { item } = opened;
  const place = { conversationId, seq: item.seq ?? 0 };
  const window = (title: string, content: ReactNode) => (
    <Dialog open onClose={onClose} title={title} closeLabel={t("action.close")}>
      {content}
    </Dialog>
  );
  switch (opened.kind) {
    case "readers":
      return window(t("message.readers"), <Readers {...place} />);
    case "versions":
      return window(t("message.versions"), <Versions {...place} item={item} />);
    case "reactions":
      return window(t("reactions.label"), <Reacted {...place} />);
    case "author":
      return <ProfileDialog userId={item.senderId} onClose={onClose} />;
    case "remove":
      return (
        <Confirm
          open
          danger
          onClose={onClose}
          onConfirm={() => {
            messages.delete(conversationId, place.seq);
            onClose();
          }}
          title={t("message.deleteTitle")}
          description={t("message.deleteText")}
          confirmLabel={t("message.delete")}
          cancelLabel={t("action.cancel")}
        />
      );
  }
}

interface Place {
  conversationId: ConversationId;
  seq: number;
}

function Readers({ conversationId, seq }: Place) {
  const t = useT();
  const client = useClient();
  const account = useAccount();
  const marks = useStore(client.marks.of(conversationId));
  const others = [...marks].filter(([userId]) => userId !== account.userId);
  const read = others.filter(([, mark]) => mark.readSeq >= seq).map(([userId]) => userId);
  const delivered = others.filter(([, mark]) => mark.readSeq < seq && mark.deliveredSeq >= seq).map(([userId]) => userId);
  return (
    <>
      <PeopleList title={t("readers.read", { count: read.length })} userIds={read} />
      <PeopleList title={t("readers.delivered", { count: delivered.length })} userIds={delivered} />
      {read.length + delivered.length === 0 ? <p className={styles.none}>{t("readers.none")}</p> : null}
    </>
  );
}

function PeopleList({ title, userIds }: { title: string; userIds: readonly string[] }) {
  const t = useT();
  const people = usePeople(userIds);
  if (userIds.length === 0) return null;
  return (
    <section>
      <h3 className={styles.heading}>{title}</h3>
      <ul role="list" className={styles.people}>
        {userIds.map((userId) => (
          <li key={userId} className={styles.person}>
            <PersonAvatar userId={userId} size="small" />
            {nameOf(people, userId, t)}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Versions({ conversationId, seq, item }: Place & { item: MessageItem }) {
  const { formats } = useI18n();
  const { messages } = useClient();
  const loaded = useLoad(useCallback(() => messages.versions(conversationId, seq), [messages, conversationId, seq]));
  const people = usePeople(item.mentions);
  return (
    <Loading loaded={loaded}>
      {(versions) => (
        <ol role="list" className={styles.versions}>
          {[...versions]
            .sort((one, other) => other.number - one.number)
            .map((version) => (
              <li key={version.number} className={styles.version}>
                <time className={styles.time} dateTime={version.at}>
                  {formats.exact(version.at)}
                </time>
                <Markdown source={version.body} mentions={item.mentions} people={people} />
              </li>
            ))}
        </ol>
      )}
    </Loading>
  );
}

function Reacted({ conversationId, seq }: Place) {
  const { messages } = useClient();
  const loaded = useLoad(useCallback(() => messages.reactions(conversationId, seq), [messages, conversationId, seq]));
  return (
    <Loading loaded={loaded}>
      {(reactions) =>
        [...new Set(reactions.map((reaction) => reaction.emoji))].map((emoji) => (
          <PeopleList
            key={emoji}
            title={emoji}
            userIds={reactions.filter((reaction) => reaction.emoji === emoji).map((reaction) => reaction.userId)}
          />
        ))
      }
    </Loading>
  );
}

function Loading<T>({ loaded, children }: { loaded: Loaded<T>; children: (value: T) => ReactNode }) {
  const t = useT();
  if (loaded.error !== undefined) return <Banner tone="danger">{errorText(loaded.error, t)}</Banner>;
  if (loaded.value === undefined) return <SkeletonRows label={t("state.loading")} rows={3} />;
  return children(loaded.value);
}
