/**
 * What can be done with a message, and who may do it.
 * The server decides; this hides what it would refuse.
 */
import type { Conversation, MessageItem } from "../../sync/api";
import { mayDeleteOthers } from "../members/permissions";

/** Things that the composer or a dialog has to do with a message. */
export interface MessageActions {
  readonly reply: (item: MessageItem) => void;
  readonly edit: (item: MessageItem) => void;
  readonly remove: (item: MessageItem) => void;
  readonly showReaders: (item: MessageItem) => void;
  readonly showVersions: (item: MessageItem) => void;
  readonly showReactions: (item: MessageItem) => void;
  /** Who wrote it. */
  readonly showAuthor: (item: MessageItem) => void;
}

export interface Allowed {
  readonly reply: boolean;
  readonly react: boolean;
  readonly edit: boolean;
  readonly remove: boolean;
  readonly readers: boolean;
  readonly versions: boolean;
  readonly copy: boolean;
}

/** What is needed of a conversation; nothing is allowed where it is unknown. */
export type Place = Pick<Conversation, "kind" | "role">;

export function allowedOn(item: MessageItem, place: Place | undefined): Allowed {
  const there = item.seq !== undefined && item.deletedAt === undefined;
  const member = place !== undefined;
  return {
    reply: there && member,
    react: there && member,
    edit: there && member && item.mine,
    remove: there && member && (item.mine || mayDeleteOthers(place.kind, place.role)),
    readers: there && item.mine,
    versions: there && item.edits > 0,
    copy: item.body !== "",
  };
}
