/**
 * The reactions below a message; pressing one adds or takes back one's own.
 * Counts are the core's; who reacted is asked for when it is to be shown.
 */
import type { ConversationId, MessageItem } from "../../sync/api";
import { useT } from "../../i18n/I18nProvider";
import { classes } from "../../ui/classes";
import { useClient } from "../context/client";
import styles from "./Reactions.module.css";

export interface ReactionsProps {
  item: MessageItem;
  conversationId: ConversationId;
  enabled: boolean;
  onShow: (item: MessageItem) => void;
}

export function Reactions({ item, conversationId, enabled, onShow }: ReactionsProps) {
  const t = useT();
  const toggle = useToggleReaction(conversationId);
  if (item.reactions.length === 0) return null;
  return (
    <ul role="list" className={styles.reactions} aria-label={t("reactions.label")}>
      {item.reactions.map((reaction) => (
        <li key={reaction.emoji}>
          <button
            type="button"
            className={classes(styles.reaction, reaction.mine === true && styles.mine)}
            aria-pressed={reaction.mine === true}
            aria-label={t("reactions.one", { emoji: reaction.emoji, count: reaction.count })}
            disabled={!enabled}
            onClick={() => toggle(item, reaction.emoji)}
          >
            <span aria-hidden="true">{reaction.emoji}</span>
            <span aria-hidden="true" className={styles.count}>
              {reaction.count}
            </span>
          </button>
        </li>
      ))}
      <li>
        <button type="button" className={styles.who} onClick={() => onShow(item)}>
          {t("reactions.who")}
        </button>
      </li>
    </ul>
  );
}

/** Adds one's reaction, or takes it back if it is there. */
export function useToggleReaction(conversationId: ConversationId): (item: MessageItem, emoji: string) => void {
  const { messages } = useClient();
  return (item, emoji) => {
    if (item.seq === undefined) return;
    const mine = item.reactions.some((reaction) => reaction.emoji === emoji && reaction.mine === true);
    if (mine) messages.unreact(conversationId, item.seq, emoji);
    else messages.react(conversationId, item.seq, emoji);
  };
}
