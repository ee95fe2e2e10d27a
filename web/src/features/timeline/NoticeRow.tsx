/**
 * What happened to the conversation: it began, was named, people came and went.
 * The beginning gets a card that says what the conversation is and what to do first.
 */
import { Hash, UserPlus } from "lucide-react";
import type { ReactNode } from "react";
import type { Account, Conversation, NoticeItem } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import type { I18n } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { useAccount } from "../context/client";
import { useGo } from "../context/navigation";
import { ConversationAvatar } from "../conversations/ConversationRow";
import { nameOf, titleOf } from "../people/people";
import type { People } from "../people/people";
import styles from "./NoticeRow.module.css";

export interface NoticeRowProps {
  item: NoticeItem;
  conversation: Conversation | undefined;
  people: People;
}

export function NoticeRow({ item, conversation, people }: NoticeRowProps) {
  const i18n = useI18n();
  const account = useAccount();
  if (item.event.kind === "created" && conversation !== undefined) return <Beginning conversation={conversation} people={people} />;
  return (
    <p className={styles.notice} title={i18n.formats.exact(item.sentAt)}>
      {sentenceOf(item.event, people, account, i18n)}
    </p>
  );
}

function sentenceOf(event: NoticeItem["event"], people: People, me: Account, { t, rich, formats }: I18n): ReactNode {
  const strong = (userId: string) => <strong>{userId === me.userId ? me.displayName : nameOf(people, userId, t)}</strong>;
  const actor = strong(event.senderId);
  switch (event.kind) {
    case "created":
      return rich("notice.created", { actor });
    case "described":
      return event.title === undefined
        ? rich(event.description === "" ? "notice.undescribed" : "notice.described", { actor })
        : rich("notice.renamed", { actor, title: <strong>{event.title}</strong> });
    case "membersAdded": {
      if (event.userIds.length === 1 && event.userIds[0] === event.senderId) return rich("notice.joined", { actor });
      const names = event.userIds.slice(0, 3).map((userId) => (userId === me.userId ? me.displayName : nameOf(people, userId, t)));
      const others = event.userIds.length - names.length;
      const all = others > 0 ? [...names, t("notice.others", { count: others })] : names;
      return rich("notice.added", { actor, people: <strong>{formats.list(all)}</strong> });
    }
    case "memberRemoved":
      return event.removedUserId === event.senderId
        ? rich("notice.left", { actor })
        : rich("notice.removed", { actor, person: strong(event.removedUserId) });
    case "roleChanged":
      return rich("notice.role", { actor, person: strong(event.memberId), role: t(`role.${event.role}`) });
  }
}

function Beginning({ conversation, people }: { conversation: Conversation; people: People }) {
  const { t, rich } = useI18n();
  const go = useGo();
  const account = useAccount();
  const title = <strong>{titleOf(conversation, people, t)}</strong>;
  return (
    <div className={styles.beginning}>
      <ConversationAvatar conversation={conversation} people={people} size="large" />
      <h2 className={styles.title}>{titleOf(conversation, people, t)}</h2>
      <p className={styles.text}>{rich(`beginning.${conversation.kind}`, { title })}</p>
      {conversation.description === undefined ? null : <p className={styles.text}>{conversation.description}</p>}
      {conversation.kind === "direct" ? null : (
        <div className={styles.actions}>
          {account.role === "member" ? null : (
            <Button icon={<UserPlus />} tone="accent" onClick={() => go({ page: "settings", tab: "invitations" })}>
              {t("invites.invite")}
            </Button>
          )}
          <Button icon={<Hash />} onClick={() => go({ page: "channels" })}>
            {t("conversations.browse")}
          </Button>
        </div>
      )}
    </div>
  );
}
