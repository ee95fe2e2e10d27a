/**
 * What can stand for the token being typed: members of the conversation, or emoji.
 * Where more are members than are loaded, the server finds people by what was typed; an answer to an older token is dropped.
 */
import { useEffect, useMemo, useState } from "react";
import type { ConversationId, User } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { useAccount, useClient, useStore } from "../context/client";
import { suiting } from "../conversations/switching";
import { emojiLocaleOf, loadEmoji, matchEmoji } from "../emoji/data";
import { usePeople } from "../people/people";
import type { Token } from "./completion";

const SHOWN_MAX = 7;
const ENSURED_MAX = 100;
const FIND_PAUSE_MS = 120;

export interface Suggestion {
  readonly key: string;
  readonly insert: string;
  readonly label: string;
  readonly note: string;
  readonly user?: User;
  readonly emoji?: string;
}

export function useSuggestions(conversationId: ConversationId, token: Token | undefined): readonly Suggestion[] {
  const query = token?.kind === "mention" ? token.query : undefined;
  const people = useMentionable(conversationId, query);
  const emoji = useEmojiSuggestions(token?.kind === "emoji" ? token.query : undefined);
  const mentions = useMemo(() => {
    if (query === undefined) return [];
    return suiting(people.map((user) => ({ user, label: user.displayName, also: [user.username] })), query, SHOWN_MAX).map(({ user }) => ({
      key: user.userId,
      insert: `@${user.username}`,
      label: user.displayName,
      note: `@${user.username}`,
      user,
    }));
  }, [people, query]);
  return query === undefined ? emoji : mentions;
}

/** Who can be mentioned: the members that are loaded, fetched when a mention begins; if there are more, whoever is found as well. */
function useMentionable(conversationId: ConversationId, query: string | undefined): readonly User[] {
  const client = useClient();
  const account = useAccount();
  const members = useStore(client.members.of(conversationId));
  const found = useFound(members.hasMore ? query : undefined);
  const ids = useMemo(() => {
    const all = new Set([...members.items.map((member) => member.userId), ...found.map((user) => user.userId)]);
    all.delete(account.userId);
    return [...all];
  }, [members, found, account.userId]);
  const people = usePeople(query === undefined ? [] : ids.slice(0, ENSURED_MAX));
  return useMemo(() => ids.flatMap((userId) => people.get(userId) ?? []), [ids, people]);
}

const NOBODY: readonly User[] = [];

/** People whose username begins so. */
function useFound(query: string | undefined): readonly User[] {
  const { users } = useClient();
  const [found, setFound] = useState(NOBODY);
  const prefix = query?.toLowerCase() ?? "";
  useEffect(() => {
    if (prefix === "") {
      setFound(NOBODY);
      return;
    }
    let current = true;
    const timer = setTimeout(() => {
      users.find(prefix).then(
        (page) => {
          if (current) setFound(page.items.filter((user) => user.disabled !== true));
        },
        () => undefined,
      );
    }, FIND_PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [users, prefix]);
  return found;
}

function useEmojiSuggestions(query: string | undefined): readonly Suggestion[] {
  const { locale } = useI18n();
  const [found, setFound] = useState<readonly Suggestion[]>([]);
  useEffect(() => {
    if (query === undefined) {
      setFound([]);
      return;
    }
    let current = true;
    loadEmoji(emojiLocaleOf(locale)).then(
      ({ emojis }) => {
        if (!current) return;
        const matches = matchEmoji(emojis, query, SHOWN_MAX);
        setFound(matches.map(({ emoji, code }) => ({ key: emoji, insert: emoji, label: `:${code}:`, note: "", emoji })));
      },
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [query, locale]);
  return found;
}
