/**
 * Where messages are written: several lines, drafts, completion of names and emoji, files, replies and edits.
 * Hands what is written to the core, which keeps it before it sends it; nothing here waits for the server.
 */
import { Paperclip, SendHorizontal, Smile } from "lucide-react";
import { useCallback, useEffect, useId, useImperativeHandle, useLayoutEffect, useRef, useState } from "react";
import type { ClipboardEvent, KeyboardEvent, Ref } from "react";
import type { Conversation, ConversationId, MessageItem, Timeline } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { IconButton } from "../../ui/Button";
import { classes } from "../../ui/classes";
import { useToast } from "../../ui/Toasts";
import { useClient, useStore } from "../context/client";
import { EmojiPopover } from "../emoji/EmojiPopover";
import { mentionedNames } from "../markdown/parse";
import { titleOf, usePeople } from "../people/people";
import { useMediaQuery } from "../useMediaQuery";
import styles from "./Composer.module.css";
import { ComposerContext } from "./ComposerContext";
import { completed, tokenAt, wrapped } from "./completion";
import type { Edited, Token } from "./completion";
import { SuggestionList } from "./SuggestionList";
import { TypingLine } from "./TypingLine";
import { UploadTray } from "./UploadTray";
import { useDraft } from "./useDraft";
import { useSuggestions } from "./useSuggestions";
import type { Suggestion } from "./useSuggestions";

export interface ComposerHandle {
  readonly reply: (item: MessageItem) => void;
  readonly edit: (item: MessageItem) => void;
  readonly focus: () => void;
}

export interface ComposerProps {
  conversation: Conversation;
  timeline: Timeline | undefined;
  ref: Ref<ComposerHandle>;
}

const BYTES_WARN = 500;

export function Composer({ conversation, timeline, ref }: ComposerProps) {
  const { t } = useI18n();
  const client = useClient();
  const { conversationId } = conversation;
  const field = useRef<HTMLTextAreaElement>(null);
  const { draft, editing, setEditing, text, setText, caret, setCaret, token, closeToken, place } = useText(conversationId, field);
  const suggestions = useSuggestions(conversationId, token);
  const people = usePeople(conversation.otherId === undefined ? [] : [conversation.otherId]);
  const submit = useSubmit(conversation, timeline);
  const uploads = useStore(client.uploads.of(conversationId));
  const bytesLeft = client.messages.bytesLeft(text);
  const ready = uploads.every((upload) => upload.state === "done");
  const canSend = bytesLeft >= 0 && ready && (text.trim() !== "" || (uploads.length > 0 && editing === undefined));
  const listId = useId();

  const insert = (piece: string) => {
    const at = field.current?.selectionStart ?? text.length;
    setText(text.slice(0, at) + piece + text.slice(field.current?.selectionEnd ?? at));
    place({ text, caret: at + piece.length });
  };
  const cancel = () => {
    if (editing !== undefined) setEditing(undefined);
    else draft.setReplyTo(undefined);
    field.current?.focus();
  };
  const send = () => {
    if (!canSend) return;
    if (editing !== undefined) {
      submit.edit(editing.item, text);
      setEditing(undefined);
    } else {
      submit.send(text, draft.replyTo);
      draft.clear();
    }
    field.current?.focus();
  };
  const accept = (chosen: Suggestion, at: Token) => {
    const edited = completed(text, caret, at, chosen.insert);
    setText(edited.text);
    place(edited);
  };
  const edit = useCallback(
    (item: MessageItem) => {
      setEditing({ item, text: item.body });
      place({ text: item.body, caret: item.body.length });
    },
    [place, setEditing],
  );
  useImperativeHandle(ref, () => ({
    reply: (item) => {
      setEditing(undefined);
      draft.setReplyTo(item.seq);
      field.current?.focus();
    },
    edit,
    focus: () => field.current?.focus(),
  }));
  const keys = useComposerKeys({ token, suggestions, accept, send, cancel, canCancel: editing !== undefined || draft.replyTo !== undefined });
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key === "Escape" && token !== undefined && suggestions.length > 0) {
      event.preventDefault();
      closeToken(token);
    } else if (event.key === "ArrowUp" && text === "" && editing === undefined) {
      const last = lastOwn(timeline);
      if (last === undefined) return;
      event.preventDefault();
      edit(last);
    } else if (!keys.onKeyDown(event)) {
      mark(event, text, (edited) => {
        setText(edited.text);
        place(edited, edited.selectionStart);
      });
    }
  };
  useAutoSize(field, text);
  const title = titleOf(conversation, people, t);
  const listed = token !== undefined && suggestions.length > 0;
  return (
    <div className={styles.composer}>
      <ComposerContext editing={editing?.item} replyTo={draft.replyTo} timeline={timeline} onCancel={cancel} />
      <UploadTray uploads={uploads} />
      <div className={styles.wrap}>
        {listed ? (
          <SuggestionList id={listId} suggestions={suggestions} active={keys.active} onChoose={(chosen) => accept(chosen, token)} />
        ) : null}
        <div className={styles.box}>
          <AttachButton conversationId={conversationId} disabled={editing !== undefined} />
          <textarea
            ref={field}
            className={styles.field}
            rows={1}
            dir="auto"
            aria-label={t("composer.label", { title })}
            placeholder={t("composer.label", { title })}
            aria-autocomplete="list"
            aria-controls={listed ? listId : undefined}
            aria-activedescendant={listed ? `${listId}-${keys.active}` : undefined}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              setCaret(event.currentTarget.selectionStart);
              closeToken(undefined);
              if (event.currentTarget.value !== "") client.typing.notify(conversationId);
            }}
            onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
            onKeyDown={onKeyDown}
            onPaste={(event) => pasteFiles(event, (files) => client.uploads.add(conversationId, files))}
          />
          <EmojiPopover label={t("composer.emoji")} icon={<Smile />} onPick={insert} />
          <IconButton label={t(editing === undefined ? "composer.send" : "composer.save")} tone="accent" disabled={!canSend} onClick={send}>
            <SendHorizontal className="mirror-in-rtl" />
          </IconButton>
        </div>
      </div>
      <div className={styles.foot}>
        <TypingLine conversationId={conversationId} />
        <BytesLeft count={bytesLeft} />
      </div>
    </div>
  );
}

/** Says how much fits, once little does. */
function BytesLeft({ count }: { count: number }) {
  const { t } = useI18n();
  if (count >= BYTES_WARN) return null;
  return (
    <span className={classes(styles.count, count < 0 && styles.over)} role="status">
      {count < 0 ? t("composer.tooLong", { count: -count }) : t("composer.left", { count })}
    </span>
  );
}

/** The text in the field: the draft, or the message being changed; where the caret is, and what can be completed there. */
function useText(conversationId: ConversationId, field: { readonly current: HTMLTextAreaElement | null }) {
  const draft = useDraft(conversationId);
  const [editing, setEditing] = useState<{ item: MessageItem; text: string } | undefined>(undefined);
  const [caret, setCaret] = useState(0);
  const [closedAt, setClosedAt] = useState<number | undefined>(undefined);
  const text = editing?.text ?? draft.text;
  const found = tokenAt(text, caret);
  const place = useCallback(
    (edited: Edited, selectionStart = edited.caret) => {
      requestAnimationFrame(() => {
        field.current?.focus();
        field.current?.setSelectionRange(selectionStart, edited.caret);
        setCaret(edited.caret);
      });
    },
    [field],
  );
  return {
    draft,
    editing,
    setEditing,
    text,
    setText: (next: string) => (editing === undefined ? draft.setText(next) : setEditing({ ...editing, text: next })),
    caret,
    setCaret,
    token: found?.start === closedAt ? undefined : found,
    closeToken: (token: Token | undefined) => setClosedAt(token?.start),
    place,
  };
}

/** Hands what was written to the core: names that are members become mentions. Who is none, the server leaves out. */
function useSubmit(conversation: Conversation, timeline: Timeline | undefined) {
  const client = useClient();
  const toast = useToast();
  const { t } = useI18n();
  const { conversationId } = conversation;
  const mentionsIn = (body: string) => {
    const names = new Set(mentionedNames(body));
    if (names.size === 0) return [];
    const { items, hasMore } = client.members.of(conversationId).getSnapshot();
    const members = new Set(items.map((member) => member.userId));
    const known = [...client.users.all.getSnapshot().values()];
    return known.filter((user) => names.has(user.username.toLowerCase()) && (hasMore || members.has(user.userId))).map((user) => user.userId);
  };
  return {
    send: (text: string, replyTo: number | undefined) => {
      const body = text.trim();
      const attachments = client.uploads.take(conversationId);
      const mentions = mentionsIn(body);
      client.messages.send({
        conversationId,
        body,
        ...(mentions.length === 0 ? {} : { mentions }),
        ...(attachments.length === 0 ? {} : { attachments }),
        ...(replyTo === undefined ? {} : { replyTo }),
      });
      if (timeline?.state.getSnapshot().atEnd === false) void timeline.jumpToEnd();
      timeline?.dismissDivider();
    },
    edit: (item: MessageItem, text: string) => {
      const body = text.trim();
      if (item.seq === undefined || body === item.body) return;
      if (body === "" && item.attachments.length === 0) toast({ text: t("composer.emptyEdit") });
      else client.messages.edit(conversationId, item.seq, body, mentionsIn(body));
    },
  };
}

interface KeyOptions {
  token: Token | undefined;
  suggestions: readonly Suggestion[];
  accept: (chosen: Suggestion, token: Token) => void;
  send: () => void;
  cancel: () => void;
  canCancel: boolean;
}

/** Arrows and Enter in the list of suggestions; Enter to send, as the reader prefers it. */
function useComposerKeys({ token, suggestions, accept, send, cancel, canCancel }: KeyOptions) {
  const { enterSends } = useStore(useClient().preferences.state);
  const touch = useMediaQuery("(pointer: coarse)");
  const [chosen, setChosen] = useState(0);
  const active = Math.min(chosen, Math.max(0, suggestions.length - 1));
  useEffect(() => setChosen(0), [token?.query, token?.kind]);
  const onKeyDown = (event: KeyboardEvent): boolean => {
    if (event.nativeEvent.isComposing) return true;
    const suggestion = token === undefined ? undefined : suggestions[active];
    if (suggestion !== undefined && token !== undefined) {
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      if (step !== 0) setChosen((active + step + suggestions.length) % suggestions.length);
      const accepts = event.key === "Tab" || (event.key === "Enter" && !event.shiftKey);
      if (accepts) accept(suggestion, token);
      if (step !== 0 || accepts) {
        event.preventDefault();
        return true;
      }
    }
    if (event.key === "Escape" && canCancel) {
      event.preventDefault();
      cancel();
      return true;
    }
    const plain = !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey || (plain && enterSends && !touch))) {
      event.preventDefault();
      send();
      return true;
    }
    return false;
  };
  return { active, onKeyDown };
}

const MARKS: Readonly<Record<string, string>> = { b: "**", i: "_", e: "`" };

/** Ctrl or ⌘ with B, I or E puts marks around the selection. */
function mark(event: KeyboardEvent<HTMLTextAreaElement>, text: string, apply: (edited: ReturnType<typeof wrapped>) => void): void {
  const sign = MARKS[event.key.toLowerCase()];
  if (sign === undefined || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const { selectionStart, selectionEnd } = event.currentTarget;
  apply(wrapped(text, selectionStart, selectionEnd, sign));
}

/** The latest of one's own messages in view that can be changed. */
function lastOwn(timeline: Timeline | undefined): MessageItem | undefined {
  const items = timeline?.state.getSnapshot().items ?? [];
  const found = items.findLast((item) => item.type === "message" && item.mine && item.seq !== undefined && item.deletedAt === undefined);
  return found?.type === "message" ? found : undefined;
}

function pasteFiles(event: ClipboardEvent, add: (files: readonly File[]) => void): void {
  const files = [...event.clipboardData.files];
  if (files.length === 0) return;
  event.preventDefault();
  add(files);
}

/** Where the browser does not size fields by their content. */
function useAutoSize(field: { readonly current: HTMLTextAreaElement | null }, text: string): void {
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null || CSS.supports("field-sizing", "content")) return;
    element.style.blockSize = "auto";
    element.style.blockSize = `${element.scrollHeight}px`;
  }, [field, text]);
}

function AttachButton({ conversationId, disabled }: { conversationId: ConversationId; disabled: boolean }) {
  const { t } = useI18n();
  const { uploads } = useClient();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton label={t("composer.attach")} disabled={disabled} onClick={() => input.current?.click()}>
        <Paperclip />
      </IconButton>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        data-testid="file-input"
        onChange={(event) => {
          uploads.add(conversationId, [...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}
