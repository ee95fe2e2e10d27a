/**
 * Marks as read what was really seen: the last row in view, while the page is in front.
 * Says it to the core, which sends it once and never backwards.
 */
import { useCallback, useEffect } from "react";
import type { Timeline, TimelineState } from "../../sync/api";
import { useClient } from "../context/client";

export function useReadMark(timeline: Timeline, state: TimelineState, headSeq: number | undefined, lastVisible: () => number): () => void {
  const client = useClient();
  const mark = useCallback(() => {
    if (document.visibilityState !== "visible" || !document.hasFocus()) return;
    const { items, atEnd, state: phase } = timeline.state.getSnapshot();
    if (phase !== "ready" || items.length === 0) return;
    const index = lastVisible();
    const seq = atEnd && index >= items.length - 1 ? Math.max(headSeq ?? 0, lastSeq(items, items.length - 1)) : lastSeq(items, index);
    if (seq > 0) client.marks.markRead(timeline.conversationId, seq);
  }, [client, timeline, headSeq, lastVisible]);
  useEffect(() => {
    const frame = requestAnimationFrame(mark);
    window.addEventListener("focus", mark);
    document.addEventListener("visibilitychange", mark);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener("focus", mark);
      document.removeEventListener("visibilitychange", mark);
    };
  }, [mark, state.items]);
  return mark;
}

/** The highest place at or above a row: one's own waiting messages have none. */
function lastSeq(items: TimelineState["items"], index: number): number {
  for (let at = Math.min(index, items.length - 1); at >= 0; at -= 1) {
    const seq = items[at]?.seq;
    if (seq !== undefined) return seq;
  }
  return 0;
}
