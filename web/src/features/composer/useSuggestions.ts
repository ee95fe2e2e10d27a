/**
 * What can stand for the token being typed: members of the conversation, or emoji.
 * Members come first, then whoever the server finds; an answer to an older token is dropped.
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

export interface Suggestion {
  readonly key: string;
  readonly insert: string;
  readonly label: string;
  readonly note: string;
  readonly user?: User;
  readonly emoji?: string;
}

export function useSuggestions(conversationId: ConversationId, token: Token | undefined): readonly Suggestion[] {
  const people = useMentionable(conversationId, token?.kind === "mention");
  const emoji = useEmojiSuggestions(token?.kind === "emoji" ? token.query : undefined);
  const query = token?.kind === "mention" ? token.query : undefined;
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

/** The members known; they are fetched when a mention begins. */
export function useMentionable(conversationId: ConversationId, wanted: boolean): readonly User[] {
  const client = useClient();
  const account = useAccount();
  const members = useStore(client.members.of(conversationId));
  const ids = useMemo(() => members.items.map((member) => member.userId).filter((userId) => userId !== account.userId), [members, account.userId]);
  const people = usePeople(wanted ? ids.slice(0, ENSURED_MAX) : []);
  return useMemo(() => ids.flatMap((userId) => people.get(userId) ?? []), [ids, people]);
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
