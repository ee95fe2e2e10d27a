/**
 * The quick switcher: type a few letters, press Enter, be there. Conversations first, then people to write to.
 * A combobox in a dialog: the field keeps the focus, the arrows move through the list.
 */
import { CornerDownLeft, MessageSquarePlus, Search } from "lucide-react";
import { Dialog as Primitive } from "radix-ui";
import { useDeferredValue, useEffect, useId, useMemo, useRef, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";
import type { Conversation, User } from "../../sync/api";
import { useT } from "../../i18n/I18nProvider";
import { classes } from "../../ui/classes";
import dialog from "../../ui/Dialog.module.css";
import { Badge } from "../../ui/Feedback";
import { useFocusReturn } from "../../ui/focus";
import { useAccount, useClient, useStore } from "../context/client";
import { useGo } from "../context/navigation";
import { useAction } from "../context/useAction";
import { PersonAvatar, titleOf, usePeople } from "../people/people";
import { ConversationAvatar } from "./ConversationRow";
import styles from "./Switcher.module.css";
import { suiting } from "./switching";

const SHOWN_MAX = 8;
const PEOPLE_MAX = 5;

export default function Switcher({ onClose }: { onClose: () => void }) {
  const t = useT();
  const focusBack = useFocusReturn();
  return (
    <Primitive.Root open onOpenChange={(next) => (next ? undefined : onClose())}>
      <Primitive.Portal>
        <div className={dialog.scrim} aria-hidden="true" />
        <Primitive.Content className={classes(dialog.dialog, styles.switcher)} aria-describedby={undefined} onCloseAutoFocus={focusBack}>
          <Primitive.Title className="visually-hidden">{t("switcher.title")}</Primitive.Title>
          <SwitcherBody onClose={onClose} />
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

interface Entry {
  readonly key: string;
  readonly label: string;
  readonly note?: string;
  readonly face: ReactNode;
  readonly badge?: ReactNode;
  readonly choose: () => void;
}

function SwitcherBody({ onClose }: { onClose: () => void }) {
  const t = useT();
  const id = useId();
  const [text, setText] = useState("");
  const [active, setActive] = useState(0);
  const entries = useEntries(text, onClose);
  const list = useRef<HTMLUListElement>(null);
  const current = Math.min(active, entries.length - 1);
  useEffect(() => {
    list.current?.children[current]?.scrollIntoView({ block: "nearest" });
  }, [current]);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && entries.length > 0) {
      event.preventDefault();
      setActive((current + step + entries.length) % entries.length);
    } else if (event.key === "Enter" && !event.nativeEvent.isComposing) {
      event.preventDefault();
      entries[current]?.choose();
    }
  };
  return (
    <>
      <div className={styles.field}>
        <Search aria-hidden="true" />
        <input
          role="combobox"
          aria-label={t("switcher.title")}
          aria-expanded={entries.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={entries.length === 0 ? undefined : `${id}-${current}`}
          placeholder={t("switcher.placeholder")}
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <ul ref={list} role="listbox" id={`${id}-list`} aria-label={t("switcher.results")} className={styles.list}>
        {entries.map((entry, index) => (
          <li
            key={entry.key}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === current}
            className={classes(styles.entry, index === current && styles.active)}
            onPointerMove={() => setActive(index)}
            onClick={entry.choose}
          >
            {entry.face}
            <span className={styles.label}>{entry.label}</span>
            {entry.note === undefined ? null : <span className={styles.note}>{entry.note}</span>}
            {entry.badge}
            {index === current ? <CornerDownLeft className={styles.enter} aria-hidden="true" /> : null}
          </li>
        ))}
      </ul>
      {entries.length === 0 ? <p className={styles.none}>{t("switcher.none")}</p> : null}
    </>
  );
}

/** Conversations that suit, then people one has no conversation with yet, then a search for the words. */
function useEntries(text: string, onClose: () => void): readonly Entry[] {
  const t = useT();
  const client = useClient();
  const go = useGo();
  const account = useAccount();
  const action = useAction();
  const { items } = useStore(client.conversations.list);
  const typed = useDeferredValue(text.trim());
  const people = usePeople(useMemo(() => items.flatMap((item) => item.otherId ?? []), [items]));
  const found = usePeopleFound(typed);

  const visit = (conversationId: string) => {
    onClose();
    go({ page: "conversation", conversationId });
  };
  const conversations = suiting(
    items.map((item) => ({ item, label: titleOf(item, people, t), also: alsoOf(item, people) })),
    typed,
    SHOWN_MAX,
  );
  const direct = new Set(items.flatMap((item) => item.otherId ?? []));
  const strangers = found.filter((user) => user.userId !== account.userId && !direct.has(user.userId)).slice(0, PEOPLE_MAX);
  const entries: Entry[] = conversations.map(({ item, label }) => ({
    key: item.conversationId,
    label,
    face: <ConversationAvatar conversation={item} people={people} size="small" />,
    ...(item.unread > 0 ? { badge: <Badge tone="accent">{Math.min(item.unread, 99)}</Badge> } : {}),
    choose: () => visit(item.conversationId),
  }));
  for (const user of strangers) {
    entries.push({
      key: user.userId,
      label: user.displayName,
      note: `@${user.username}`,
      face: <PersonAvatar userId={user.userId} size="small" />,
      badge: <MessageSquarePlus className={styles.enter} aria-hidden="true" />,
      choose: () =>
        void action.run(async () => visit(await client.conversations.create({ kind: "direct", memberIds: [user.userId] }))),
    });
  }
  if (typed !== "") {
    entries.push({
      key: "search",
      label: t("switcher.search", { text: typed }),
      face: <Search className={styles.searchIcon} aria-hidden="true" />,
      choose: () => {
        onClose();
        go({ page: "search", query: typed });
      },
    });
  }
  return entries;
}

function alsoOf(item: Conversation, people: ReadonlyMap<string, User>): readonly string[] {
  const username = item.otherId === undefined ? undefined : people.get(item.otherId)?.username;
  return username === undefined ? [] : [username];
}

/** People whose username begins with what was typed; what was found before stays until the answer comes. */
function usePeopleFound(typed: string): readonly User[] {
  const client = useClient();
  const [found, setFound] = useState<readonly User[]>([]);
  useEffect(() => {
    let current = true;
    const prefix = typed.replace(/^@/u, "").toLowerCase();
    if (prefix === "" || /\s/u.test(prefix)) {
      setFound([]);
      return;
    }
    client.users.find(prefix).then(
      (page) => {
        if (current) setFound(page.items.filter((user) => user.disabled !== true));
      },
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [client, typed]);
  return found;
}
