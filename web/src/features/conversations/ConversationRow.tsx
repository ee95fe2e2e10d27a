/**
 * One conversation in the list: who or what, the last words, when, what is unread.
 * A real link, so that it opens in another tab when asked to.
 */
import { AtSign, BellOff, CircleAlert, Hash, PenLine, Pin, UsersRound } from "lucide-react";
import { memo } from "react";
import type { Conversation, PresenceStatus } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import type { Translate } from "../../i18n/translate";
import { Avatar } from "../../ui/Avatar";
import { classes } from "../../ui/classes";
import { Badge } from "../../ui/Feedback";
import { useAccount } from "../context/client";
import { Link } from "../context/navigation";
import { useNow } from "../context/time";
import { PersonAvatar, nameOf, titleOf } from "../people/people";
import type { People } from "../people/people";
import styles from "./ConversationRow.module.css";
import { plainText, previewText } from "./preview";

const BADGE_MAX = 99;

export interface ConversationRowProps {
  conversation: Conversation;
  open: boolean;
  people: People;
  presence: PresenceStatus | undefined;
}

export const ConversationRow = memo(function ConversationRow({ conversation, open, people, presence }: ConversationRowProps) {
  const { t, formats } = useI18n();
  const now = useNow();
  const unread = conversation.unread > 0 && !conversation.preferences.muted;
  return (
    <Link
      to={{ page: "conversation", conversationId: conversation.conversationId }}
      className={classes(styles.row, open && styles.open, unread && styles.unread)}
      aria-current={open ? "page" : undefined}
    >
      <ConversationAvatar conversation={conversation} people={people} presence={presence} />
      <span className={styles.text}>
        <span className={styles.line}>
          <span className={styles.title}>{titleOf(conversation, people, t)}</span>
          {conversation.preferences.pinned ? <Pin className={styles.mark} role="img" aria-label={t("conversation.pinned")} /> : null}
          {conversation.preferences.muted ? <BellOff className={styles.mark} role="img" aria-label={t("conversation.muted")} /> : null}
          <time className={styles.time} dateTime={conversation.activeAt}>
            {formats.brief(conversation.last?.sentAt ?? conversation.activeAt, now)}
          </time>
        </span>
        <span className={styles.line}>
          <Preview conversation={conversation} people={people} />
          <Marks conversation={conversation} />
        </span>
      </span>
    </Link>
  );
});

export interface ConversationAvatarProps {
  conversation: Conversation;
  people: People;
  presence?: PresenceStatus | undefined;
  size?: "small" | "medium" | "large";
}

export function ConversationAvatar({ conversation, people, presence, size = "medium" }: ConversationAvatarProps) {
  const { t } = useI18n();
  if (conversation.otherId !== undefined) return <PersonAvatar userId={conversation.otherId} presence={presence} size={size} />;
  return (
    <Avatar
      id={conversation.conversationId}
      name={titleOf(conversation, people, t)}
      square
      size={size}
      glyph={conversation.kind === "channel" ? <Hash /> : <UsersRound />}
    />
  );
}

function Preview({ conversation, people }: { conversation: Conversation; people: People }) {
  const { t } = useI18n();
  const account = useAccount();
  if (conversation.draft !== undefined && conversation.draft !== "") {
    return (
      <span className={styles.preview}>
        <PenLine className={styles.draft} aria-hidden="true" />
        {t("conversation.draft", { text: plainText(conversation.draft) })}
      </span>
    );
  }
  return <span className={styles.preview}>{lastWords(conversation, people, account.userId, t)}</span>;
}

function lastWords(conversation: Conversation, people: People, me: string, t: Translate): string {
  const { last } = conversation;
  if (last === undefined) return conversation.description ?? t("conversation.empty");
  const text = previewText(last, t);
  if (last.senderId === me) return t("conversation.lastMine", { text });
  return conversation.kind === "direct" ? text : t("conversation.lastOf", { name: nameOf(people, last.senderId, t), text });
}

function Marks({ conversation }: { conversation: Conversation }) {
  const { t } = useI18n();
  const { failed, mentions, unread, preferences } = conversation;
  return (
    <>
      {failed > 0 ? <CircleAlert className={styles.failed} role="img" aria-label={t("conversation.failed", { count: failed })} /> : null}
      {mentions > 0 ? (
        <Badge tone="danger">
          <AtSign className={styles.at} aria-hidden="true" />
          <span className="visually-hidden">{t("conversation.mentions", { count: mentions })}</span>
        </Badge>
      ) : null}
      {unread > 0 ? (
        <Badge tone={preferences.muted ? "neutral" : "accent"}>
          <span aria-hidden="true">{unread > BADGE_MAX ? `${BADGE_MAX}+` : unread}</span>
          <span className="visually-hidden">{t("conversation.unread", { count: unread })}</span>
        </Badge>
      ) : null}
    </>
  );
}
