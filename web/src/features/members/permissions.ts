/**
 * What a member may do in a conversation and with another member, as in the server's table of permissions.
 * The server decides; this hides what it would refuse.
 */
import type { ConversationKind, MemberRole } from "../../sync/api";

const RANK: Readonly<Record<MemberRole, number>> = { member: 0, admin: 1, owner: 2 };

export function mayAdd(kind: ConversationKind, mine: MemberRole): boolean {
  return kind === "group" || (kind === "channel" && mine !== "member");
}

export function mayDescribe(kind: ConversationKind, mine: MemberRole): boolean {
  return kind !== "direct" && mine !== "member";
}

export function mayDeleteOthers(kind: ConversationKind, mine: MemberRole): boolean {
  return kind !== "direct" && mine !== "member";
}

export function mayRemove(kind: ConversationKind, mine: MemberRole, theirs: MemberRole): boolean {
  return kind !== "direct" && mine !== "member" && (mine === "owner" || RANK[theirs] < RANK[mine]);
}

/** The roles that the reader may give to somebody, the present one left out. */
export function rolesToGive(kind: ConversationKind, mine: MemberRole, theirs: MemberRole): readonly MemberRole[] {
  if (kind === "direct" || mine === "member") return [];
  if (mine !== "owner" && RANK[theirs] >= RANK[mine]) return [];
  const roles: readonly MemberRole[] = ["owner", "admin", "member"];
  return roles.filter((role) => role !== theirs && RANK[role] <= RANK[mine]);
}
