/**
 * People on screen: their names and pictures, fetched together, and whether they are there.
 * A person not known yet is shown by a neutral name until the answer comes.
 */
import { useEffect, useMemo } from "react";
import type { Conversation, User, UserId, UserPresence } from "../../sync/api";
import type { Translate } from "../../i18n/translate";
import { useT } from "../../i18n/I18nProvider";
import type { I18n } from "../../i18n/I18nProvider";
import { Avatar } from "../../ui/Avatar";
import type { AvatarProps } from "../../ui/Avatar";
import { useAccount, useClient, useStore } from "../context/client";

export type People = ReadonlyMap<UserId, User>;

/** Everybody known, after asking for these. */
export function usePeople(userIds: readonly UserId[]): People {
  const client = useClient();
  const key = userIds.join(" ");
  useEffect(() => {
    if (key !== "") client.users.ensure(key.split(" "));
  }, [client, key]);
  return useStore(client.users.all);
}

export function useUser(userId: UserId | undefined): User | undefined {
  const people = usePeople(userId === undefined ? [] : [userId]);
  return userId === undefined ? undefined : people.get(userId);
}

/** What somebody is called. */
export function nameOf(people: People, userId: UserId, t: Translate): string {
  return people.get(userId)?.displayName ?? t("people.unknown");
}

/** What a conversation is called: its title, or the other person's name. */
export function titleOf(conversation: Conversation, people: People, t: Translate): string {
  if (conversation.title !== undefined) return conversation.title;
  if (conversation.kind !== "direct") return t("conversation.untitled");
  return conversation.otherId === undefined ? t("conversation.self") : nameOf(people, conversation.otherId, t);
}

/** Tells the core whom the reader sees; gives who is there. */
export function usePresence(userIds: readonly UserId[]) {
  const client = useClient();
  const key = useMemo(() => [...new Set(userIds)].sort().join(" "), [userIds]);
  useEffect(() => (key === "" ? undefined : client.presence.watch(key.split(" "))), [client, key]);
  return useStore(client.presence.all);
}

/** Whether somebody is there, in words; nothing where it is not known. */
export function presenceText(presence: UserPresence | undefined, now: number, { t, formats }: Pick<I18n, "t" | "formats">): string {
  if (presence === undefined) return "";
  if (presence.status === "online") return t("presence.online");
  if (presence.status === "away") return t("presence.away");
  return presence.lastSeen === undefined ? t("presence.offline") : t("presence.lastSeen", { when: formats.relative(presence.lastSeen, now) });
}

/** A login name, which is written from the left in every language. */
export function Username({ name }: { name: string | undefined }) {
  return <bdi dir="ltr">@{name ?? "…"}</bdi>;
}

export type PersonAvatarProps = Pick<AvatarProps, "size" | "presence"> & { userId: UserId };

export function PersonAvatar({ userId, size, presence }: PersonAvatarProps) {
  const client = useClient();
  const t = useT();
  const account = useAccount();
  const met = useUser(userId);
  const user = userId === account.userId ? account : met;
  return (
    <Avatar
      id={userId}
      name={user?.displayName ?? t("people.unknown")}
      src={user === undefined ? undefined : client.users.avatarUrl(user)}
      {...(size === undefined ? {} : { size })}
      presence={presence}
    />
  );
}
