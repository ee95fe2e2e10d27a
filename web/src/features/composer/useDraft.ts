/**
 * The text being written to a conversation, kept on the device a moment after each pause, and when the page is left.
 * The list of conversations learns of it only then: a keystroke costs nothing but itself.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import type { ConversationId, Seq } from "../../sync/api";
import { useClient } from "../context/client";

const KEEP_MS = 400;

export interface DraftText {
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly replyTo: Seq | undefined;
  readonly setReplyTo: (seq: Seq | undefined) => void;
  readonly clear: () => void;
}

interface Kept {
  readonly text: string;
  readonly replyTo: Seq | undefined;
}

export function useDraft(conversationId: ConversationId): DraftText {
  const { drafts } = useClient();
  const [kept, setKept] = useState<Kept>(() => {
    const draft = drafts.get(conversationId);
    return { text: draft?.body ?? "", replyTo: draft?.replyTo };
  });
  const latest = useRef(kept);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const keep = useCallback(() => {
    clearTimeout(timer.current);
    timer.current = undefined;
    const { text, replyTo } = latest.current;
    const empty = text.trim() === "" && replyTo === undefined;
    drafts.set(conversationId, empty ? undefined : { body: text, ...(replyTo === undefined ? {} : { replyTo }) });
  }, [drafts, conversationId]);
  const change = useCallback(
    (next: Kept, atOnce: boolean) => {
      latest.current = next;
      setKept(next);
      if (atOnce) keep();
      else timer.current ??= setTimeout(keep, KEEP_MS);
    },
    [keep],
  );
  useEffect(() => {
    const flush = () => {
      if (timer.current !== undefined) keep();
    };
    window.addEventListener("pagehide", flush);
    return () => {
      window.removeEventListener("pagehide", flush);
      flush();
    };
  }, [keep]);
  return {
    text: kept.text,
    replyTo: kept.replyTo,
    setText: (text) => change({ ...latest.current, text }, false),
    setReplyTo: (replyTo) => change({ ...latest.current, replyTo }, true),
    clear: () => change({ text: "", replyTo: undefined }, true),
  };
}
