/**
 * Keeps the reader's place while a timeline grows at both ends, follows new messages only who is at the end,
 * and asks for more before the reader gets there.
 * Knows positions, not messages.
 */
import { useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "react";
import type { RefObject } from "react";
import type { VirtualizerHandle } from "virtua";
import type { Timeline, TimelineState } from "../../sync/api";
import { indexOfSeq } from "./rows";

const END_PX = 48;
/** Far enough ahead that a fast wheel does not come to the end of what is loaded. */
const AHEAD_PX = 4000;
/** The timeline has not said yet where it opens: that is its first jump. */
const NOWHERE = 0;

export interface TimelineScroll {
  readonly handle: RefObject<VirtualizerHandle | null>;
  readonly scroller: RefObject<HTMLDivElement | null>;
  /** Items were added before the first one in this very rendering. */
  readonly shift: boolean;
  readonly following: boolean;
  readonly onScroll: () => void;
  /** Index of the last row in view. */
  readonly lastVisible: () => number;
}

export function useTimelineScroll(timeline: Timeline, state: TimelineState): TimelineScroll {
  const handle = useRef<VirtualizerHandle>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const followingNow = useRef(true);
  const placed = useRef(NOWHERE);
  const lastOffset = useRef(0);
  const shift = useShift(state);

  const follow = useCallback((next: boolean) => {
    followingNow.current = next;
    setFollowing(next);
  }, []);
  const toEnd = useCallback(() => {
    const count = timeline.state.getSnapshot().items.length;
    if (count > 0) handle.current?.scrollToIndex(count - 1, { align: "end" });
  }, [timeline]);
  const load = useCallback(() => {
    const list = handle.current;
    const now = timeline.state.getSnapshot();
    if (list === null || now.state !== "ready" || placed.current === NOWHERE) return;
    // One end after the other: the place cannot be kept by the distance from both.
    if (now.loadingOlder || now.loadingNewer) return;
    if (list.scrollOffset < AHEAD_PX && now.hasOlder) void timeline.loadOlder();
    else if (endDistance(list) < AHEAD_PX && !now.atEnd) void timeline.loadNewer();
  }, [timeline]);
  const onScroll = useCallback(() => {
    const list = handle.current;
    if (list === null || placed.current === NOWHERE) return;
    const up = list.scrollOffset < lastOffset.current - 1;
    lastOffset.current = list.scrollOffset;
    const near = endDistance(list) < END_PX;
    // Only going up lets go of the end: rows that turn out taller than thought do not.
    if (near && !followingNow.current && timeline.state.getSnapshot().atEnd) follow(true);
    else if (!near && up && followingNow.current) follow(false);
    load();
  }, [timeline, follow, load]);

  useLayoutEffect(() => {
    if (state.state !== "ready" || state.items.length === 0 || placed.current === state.jump) return;
    placed.current = state.jump;
    const { anchor } = state;
    if (anchor === undefined) {
      follow(true);
      toEnd();
      return;
    }
    follow(false);
    const index = indexOfSeq(state.items, anchor.seq);
    handle.current?.scrollToIndex(index, { align: anchor.highlight ? "center" : "start", ...(anchor.highlight ? {} : { offset: -64 }) });
  }, [state, follow, toEnd]);

  const lastKey = state.items.at(-1)?.key;
  useLayoutEffect(() => {
    if (followingNow.current && placed.current !== NOWHERE) toEnd();
  }, [lastKey, toEnd]);
  useEffect(load, [load, state.items, state.loadingOlder, state.loadingNewer]);
  useStayAtEnd(scroller, followingNow, toEnd);

  const lastVisible = useCallback(() => {
    const list = handle.current;
    return list === null || placed.current === NOWHERE ? -1 : list.findItemIndex(list.scrollOffset + list.viewportSize - 8);
  }, []);
  return { handle, scroller, shift, following, onScroll, lastVisible };
}

function endDistance(list: VirtualizerHandle): number {
  return list.scrollSize - list.scrollOffset - list.viewportSize;
}

/**
 * The state with items that changed at one end only since the last rendering; the rest follows before anything is drawn.
 * Where both ends change at once (a page above, a message below), neither distance would keep the reader's place.
 */
export function useOneEnd(state: TimelineState): TimelineState {
  const shown = useRef(state.items);
  const [, again] = useReducer((count: number) => count + 1, 0);
  const items = stepTo(shown.current, state.items);
  useLayoutEffect(() => {
    shown.current = items;
    if (items !== state.items) again();
  }, [items, state.items]);
  return useMemo(() => (items === state.items ? state : { ...state, items }), [items, state]);
}

/** Items on the way from `before` to `after`: with the end of `after` and the beginning of `before`, if both changed. */
export function stepTo(before: TimelineState["items"], after: TimelineState["items"]): TimelineState["items"] {
  const [oldFirst] = before;
  const [newFirst] = after;
  if (oldFirst === undefined || newFirst === undefined || oldFirst.key === newFirst.key || before.at(-1)?.key === after.at(-1)?.key) return after;
  const added = after.findIndex((item) => item.key === oldFirst.key);
  if (added > 0) return after.slice(added);
  const removed = before.findIndex((item) => item.key === newFirst.key);
  return removed > 0 ? [...before.slice(0, removed), ...after] : after;
}

/** Whether items came or went at the beginning, with some that stay: the place is kept by the distance from the end. */
function useShift(state: TimelineState): boolean {
  const before = useRef<{ items: TimelineState["items"]; shift: boolean }>({ items: [], shift: false });
  if (before.current.items !== state.items) {
    const oldFirst = before.current.items[0]?.key;
    const newFirst = state.items[0]?.key;
    const moved = oldFirst !== undefined && newFirst !== oldFirst;
    const stayed = () => state.items.some((item) => item.key === oldFirst) || before.current.items.some((item) => item.key === newFirst);
    before.current = { items: state.items, shift: moved && stayed() };
  }
  return before.current.shift;
}

/** When the window, the composer or a row above changes its height, who was at the end stays there. */
function useStayAtEnd(scroller: RefObject<HTMLDivElement | null>, following: RefObject<boolean>, toEnd: () => void): void {
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      if (following.current) toEnd();
    });
    observer.observe(element);
    if (element.lastElementChild !== null) observer.observe(element.lastElementChild);
    return () => observer.disconnect();
  }, [scroller, following, toEnd]);
}
