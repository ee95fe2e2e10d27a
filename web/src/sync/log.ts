/**
 * A contiguous part of a conversation's log, and how pages and live events change it: state + events = state (D10, P20–P25).
 * Pure. Invariants: `events` ascend without gaps; every change up to `appliedSeq` is in them, whether or not the part
 * reaches that far; applying an event twice, or onto a newer state, changes nothing.
 */
import type { ChatEvent, ChatEventOf, ReactionCount, Seq, UserId } from "../protocol/types";

export interface LogWindow {
  readonly events: readonly ChatEvent[];
  /** The cursor for `sync`: at or beyond the last of `events`. */
  readonly appliedSeq: Seq;
}

export type MessageEvent = ChatEventOf<"message">;

/** `known`: nothing new. `gap`: events between are missing, fetch them first (D4). */
export type Step = "applied" | "known" | "gap";

/** A part of a log from a page that was read when the log ended at `headSeq`. */
export function windowOf(events: readonly ChatEvent[], headSeq: Seq): LogWindow {
  return { events, appliedSeq: Math.max(headSeq, events.at(-1)?.seq ?? 0) };
}

export function firstSeq(window: LogWindow): Seq {
  return window.events[0]?.seq ?? window.appliedSeq + 1;
}

export function lastSeq(window: LogWindow): Seq {
  return window.events.at(-1)?.seq ?? window.appliedSeq;
}

/** Whether the part reaches the end of what is known of the log. */
export function isAtEnd(window: LogWindow): boolean {
  return lastSeq(window) >= window.appliedSeq;
}

/** Finds an event of the part by place. */
export function eventAt(window: LogWindow, seq: Seq): ChatEvent | undefined {
  return window.events[seq - firstSeq(window)];
}

/** Applies events in order, live or from a page of `sync`, and stops at a gap. */
export function applyEvents(window: LogWindow, events: readonly ChatEvent[], me: UserId): { window: LogWindow; step: Step } {
  const draft = new Draft(window, me);
  let step: Step = "known";
  for (const event of events) {
    const one = draft.apply(event);
    if (one === "gap") return { window: draft.finish(), step: "gap" };
    if (one === "applied") step = "applied";
  }
  return { window: draft.finish(), step };
}

/** Adds a page that ends where the part begins. The page was read when the log ended at `pageHead`, not before `appliedSeq`. */
export function extendOlder(window: LogWindow, page: readonly ChatEvent[]): LogWindow {
  const before = page.filter((event) => event.seq < firstSeq(window));
  if (before.length === 0 || before.at(-1)?.seq !== firstSeq(window) - 1) return window;
  return { ...window, events: [...before, ...window.events] };
}

/** Adds a page that begins after the part. What is in it and was not heard of yet is applied to the rest as well. */
export function extendNewer(window: LogWindow, page: readonly ChatEvent[], me: UserId): LogWindow {
  const draft = new Draft(window, me);
  for (const event of page) draft.append(event);
  return draft.finish();
}

/** Lets go what is farthest from the end that is looked at. */
export function trim(window: LogWindow, keep: "older" | "newer", max: number): LogWindow {
  if (window.events.length <= max) return window;
  return { ...window, events: keep === "newer" ? window.events.slice(-max) : window.events.slice(0, max) };
}

/** A message after a later event: the same object if it changes nothing (another target, or in here already). */
export function changeMessage(message: MessageEvent, change: ChatEvent, me: UserId): MessageEvent {
  if (!("target" in change) || change.target !== message.seq || change.seq <= message.rev) return message;
  const base = { ...message, rev: change.seq };
  switch (change.kind) {
    case "edited": {
      const { mentions: _old, ...rest } = base;
      const mentions = change.mentions === undefined ? {} : { mentions: change.mentions };
      return { ...rest, ...mentions, body: change.body, editedAt: change.sentAt, edits: (message.edits ?? 0) + 1 };
    }
    case "deleted": {
      const { mentions: _mentions, reactions: _reactions, ...rest } = withoutFiles(base);
      return { ...rest, body: "", deletedAt: change.sentAt, deletedBy: change.senderId };
    }
    case "reacted":
    case "unreacted":
      return withReactions(base, counted(message.reactions ?? [], change.emoji, change.kind === "reacted", change.senderId === me));
  }
}

/** Reactions after one was added or taken back. `mine` tells whose it was. */
export function counted(reactions: readonly ReactionCount[], emoji: string, added: boolean, mine: boolean): readonly ReactionCount[] {
  const at = reactions.findIndex((one) => one.emoji === emoji);
  const known = reactions[at];
  if (known === undefined) return added ? [...reactions, { emoji, count: 1, ...(mine ? { mine } : {}) }] : reactions;
  const count = known.count + (added ? 1 : -1);
  if (count < 1) return reactions.filter((one) => one !== known);
  const isMine = mine ? added : known.mine === true;
  return reactions.with(at, { emoji, count, ...(isMine ? { mine: true } : {}) });
}

/** A part that is being changed; copies its events once, when the first of them changes. */
class Draft {
  readonly #me: UserId;
  readonly #first: Seq;
  #events: readonly ChatEvent[];
  #own: ChatEvent[] | undefined;
  #appliedSeq: Seq;
  readonly #before: LogWindow;

  constructor(window: LogWindow, me: UserId) {
    this.#me = me;
    this.#before = window;
    this.#first = firstSeq(window);
    this.#events = window.events;
    this.#appliedSeq = window.appliedSeq;
  }

  apply(event: ChatEvent): Step {
    if (event.seq <= this.#appliedSeq) return "known";
    if (event.seq > this.#appliedSeq + 1) return "gap";
    const wasAtEnd = this.#last() === this.#appliedSeq;
    this.#change(event);
    if (wasAtEnd) this.#writable().push(event);
    this.#appliedSeq = event.seq;
    return "applied";
  }

  append(event: ChatEvent): void {
    if (event.seq !== this.#last() + 1) return;
    if (event.seq > this.#appliedSeq) {
      this.#change(event);
      this.#appliedSeq = event.seq;
    }
    this.#writable().push(event);
  }

  finish(): LogWindow {
    const isSame = this.#own === undefined && this.#appliedSeq === this.#before.appliedSeq;
    return isSame ? this.#before : { events: this.#events, appliedSeq: this.#appliedSeq };
  }

  #last(): Seq {
    return this.#first + this.#events.length - 1;
  }

  #change(event: ChatEvent): void {
    if (!("target" in event)) return;
    const index = event.target - this.#first;
    const target = this.#events[index];
    if (target?.kind !== "message") return;
    const changed = changeMessage(target, event, this.#me);
    if (changed !== target) this.#writable()[index] = changed;
  }

  #writable(): ChatEvent[] {
    this.#own ??= [...this.#events];
    this.#events = this.#own;
    return this.#own;
  }
}

function withReactions(message: MessageEvent, reactions: readonly ReactionCount[]): MessageEvent {
  const { reactions: _old, ...rest } = message;
  return reactions.length === 0 ? rest : { ...rest, reactions };
}

function withoutFiles(message: MessageEvent): MessageEvent {
  const { attachments: _files, ...bare } = message;
  return bare;
}
