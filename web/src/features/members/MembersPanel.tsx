/**
 * Who is in a conversation, in what role, and whether they are there; adding and removing, as far as permitted.
 * Names are fetched for the rows there are; presence is watched for the first hundred.
 */
import { Crown, EllipsisVertical, MessageSquare, ShieldCheck, UserMinus, UserPlus, UserRound, X } from "lucide-react";
import { useMemo, useState } from "react";
import type { Conversation, MemberItem, MemberRole, User, UserPresence } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { Button, IconButton } from "../../ui/Button";
import { Confirm, Dialog } from "../../ui/Dialog";
import { Badge, SkeletonRows } from "../../ui/Feedback";
import { Menu, MenuItem, MenuSeparator } from "../../ui/Menu";
import { useAccount, useClient, useStore } from "../context/client";
import { useGo } from "../context/navigation";
import { useNow } from "../context/time";
import { useAction } from "../context/useAction";
import { PersonAvatar, Username, nameOf, usePeople, usePresence } from "../people/people";
import { PeoplePicker } from "../people/PeoplePicker";
import styles from "./MembersPanel.module.css";
import { mayAdd, mayRemove, rolesToGive } from "./permissions";

const WATCHED_MAX = 100;
const ROLE_ICONS = { owner: Crown, admin: ShieldCheck, member: UserRound } as const;

export default function MembersPanel({ conversation }: { conversation: Conversation }) {
  const { t } = useI18n();
  const client = useClient();
  const go = useGo();
  const { conversationId } = conversation;
  const members = useStore(client.members.of(conversationId));
  const ids = useMemo(() => members.items.map((member) => member.userId), [members.items]);
  const people = usePeople(ids);
  const presence = usePresence(useMemo(() => ids.slice(0, WATCHED_MAX), [ids]));
  const [adding, setAdding] = useState(false);
  return (
    <section className={styles.panel} aria-label={t("members.title")}>
      <header className={styles.header}>
        <h2 className={styles.title}>{t("members.count", { count: conversation.memberCount })}</h2>
        {mayAdd(conversation.kind, conversation.role) ? (
          <IconButton label={t("members.add")} onClick={() => setAdding(true)}>
            <UserPlus />
          </IconButton>
        ) : null}
        <IconButton label={t("members.close")} onClick={() => go({ page: "conversation", conversationId }, { replace: true })}>
          <X />
        </IconButton>
      </header>
      {members.loading && members.items.length === 0 ? <SkeletonRows label={t("state.loading")} rows={4} /> : null}
      <ul role="list" className={styles.list}>
        {members.items.map((member) => (
          <MemberRow
            key={member.userId}
            member={member}
            name={nameOf(people, member.userId, t)}
            user={people.get(member.userId)}
            presence={presence.get(member.userId)}
            conversation={conversation}
          />
        ))}
        {members.hasMore ? (
          <li>
            <Button wide busy={members.loading} onClick={() => void client.members.loadMore(conversationId)}>
              {t("list.more")}
            </Button>
          </li>
        ) : null}
      </ul>
      {adding ? <AddDialog conversation={conversation} present={ids} onClose={() => setAdding(false)} /> : null}
    </section>
  );
}

interface MemberRowProps {
  member: MemberItem;
  name: string;
  user: User | undefined;
  presence: UserPresence | undefined;
  conversation: Conversation;
}

function MemberRow({ member, name, user, presence, conversation }: MemberRowProps) {
  const { t, formats } = useI18n();
  const account = useAccount();
  const now = useNow();
  const me = member.userId === account.userId;
  const status = [user?.status?.emoji, user?.status?.text].filter(Boolean).join(" ");
  const there =
    presence?.status === "offline" && presence.lastSeen !== undefined ? t("presence.lastSeen", { when: formats.relative(presence.lastSeen, now) }) : "";
  return (
    <li className={styles.member}>
      <PersonAvatar userId={member.userId} presence={presence?.status ?? "offline"} />
      <div className={styles.names}>
        <span className={styles.name}>
          {name}
          {me ? <span className={styles.you}> ({t("people.you")})</span> : null}
        </span>
        <span className={styles.note}>{status === "" ? there === "" ? <Username name={user?.username} /> : there : status}</span>
      </div>
      {member.role === "member" ? null : <Badge>{t(`role.${member.role}`)}</Badge>}
      {me ? null : <MemberMenu member={member} name={name} conversation={conversation} />}
    </li>
  );
}

function MemberMenu({ member, name, conversation }: { member: MemberItem; name: string; conversation: Conversation }) {
  const { t } = useI18n();
  const client = useClient();
  const go = useGo();
  const action = useAction();
  const [removing, setRemoving] = useState(false);
  const { conversationId, kind, role } = conversation;
  const write = () =>
    void action.run(async () => {
      const direct = await client.conversations.create({ kind: "direct", memberIds: [member.userId] });
      go({ page: "conversation", conversationId: direct });
    });
  const give = (next: MemberRole) => void action.run(() => client.members.setRole(conversationId, member.userId, next));
  const remove = async () => {
    if (await action.run(() => client.members.remove(conversationId, member.userId))) setRemoving(false);
  };
  const roles = rolesToGive(kind, role, member.role);
  return (
    <>
      <Menu
        label={t("members.menuOf", { name })}
        trigger={
          <IconButton small label={t("members.menuOf", { name })}>
            <EllipsisVertical />
          </IconButton>
        }
      >
        <MenuItem icon={<MessageSquare />} disabled={kind === "direct"} onSelect={write}>
          {t("members.write")}
        </MenuItem>
        {roles.length === 0 ? null : <MenuSeparator />}
        {roles.map((next) => {
          const Icon = ROLE_ICONS[next];
          return (
            <MenuItem key={next} icon={<Icon />} onSelect={() => give(next)}>
              {t(`members.make.${next}`)}
            </MenuItem>
          );
        })}
        {mayRemove(kind, role, member.role) ? (
          <>
            <MenuSeparator />
            <MenuItem icon={<UserMinus />} danger onSelect={() => setRemoving(true)}>
              {t("members.remove")}
            </MenuItem>
          </>
        ) : null}
      </Menu>
      <Confirm
        open={removing}
        danger
        busy={action.busy}
        onClose={() => setRemoving(false)}
        onConfirm={() => void remove()}
        title={t("members.removeTitle", { name })}
        description={t("members.removeText")}
        confirmLabel={t("members.remove")}
        cancelLabel={t("action.cancel")}
      />
    </>
  );
}

function AddDialog({ conversation, present, onClose }: { conversation: Conversation; present: readonly string[]; onClose: () => void }) {
  const { t } = useI18n();
  const client = useClient();
  const action = useAction();
  const [chosen, setChosen] = useState<readonly User[]>([]);
  const add = async () => {
    const ids = chosen.map((user) => user.userId);
    if (await action.run(() => client.members.add(conversation.conversationId, ids))) onClose();
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={t("members.add")}
      closeLabel={t("action.close")}
      actions={
        <>
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button tone="accent" busy={action.busy} disabled={chosen.length === 0} onClick={() => void add()}>
            {t("members.addSubmit", { count: chosen.length })}
          </Button>
        </>
      }
    >
      <PeoplePicker label={t("new.people")} chosen={chosen} onChange={setChosen} exclude={new Set(present)} />
    </Dialog>
  );
}
