/**
 * What can be done with conversations as a whole.
 * Invariant: when a promise resolves, the list shows what was done.
 */
import type { ConversationId, ConversationMade, ConversationPatch, ConversationRequest } from "../protocol/types";
import type { ConversationList, ConversationsApi } from "./api";
import type { ChannelItem, ConversationPreferences, Page } from "./contract";
import type { Context } from "./context";
import type { Directory } from "./directory";
import type { Store } from "./store";

export function conversationsApi(context: Context, directory: Directory, list: Store<ConversationList>): ConversationsApi {
  const { http, newId } = context;
  const path = (conversationId: ConversationId, rest = "") => `/v1/conversations/${conversationId}${rest}`;
  return {
    list,
    async create(request: ConversationRequest) {
      const headers = { "Idempotency-Key": newId() };
      const made = await http.post<ConversationMade>("/v1/conversations", { body: request, headers });
      await directory.refresh(made.conversationId);
      return made.conversationId;
    },
    async patch(conversationId: ConversationId, patch: ConversationPatch) {
      await http.patch(path(conversationId), { body: patch });
      await directory.refresh(conversationId);
    },
    async setPreferences(conversationId, patch) {
      const before = directory.get(conversationId)?.preferences;
      directory.patch(conversationId, (summary) => ({ ...summary, preferences: patched(summary.preferences, patch) }));
      try {
        const told = await http.patch<ConversationPreferences>(path(conversationId, "/preferences"), { body: patch });
        directory.patch(conversationId, (summary) => ({ ...summary, preferences: told }));
      } catch (error) {
        if (before !== undefined) directory.patch(conversationId, (summary) => ({ ...summary, preferences: before }));
        throw error;
      }
    },
    browseChannels: (after) => http.get<Page<ChannelItem>>("/v1/channels", { query: { after, limit: 50 } }),
    async join(conversationId) {
      await http.post(path(conversationId, "/join"));
      await directory.refresh(conversationId);
    },
    async leave(conversationId) {
      await http.post(path(conversationId, "/leave"));
      directory.remove(conversationId);
    },
  };
}

type PreferencesPatch = Parameters<ConversationsApi["setPreferences"]>[1];

function patched(preferences: ConversationPreferences, patch: PreferencesPatch): ConversationPreferences {
  const { notify: old, ...rest } = preferences;
  const notify = patch.notify === undefined ? old : (patch.notify ?? undefined);
  return {
    ...rest,
    ...(notify === undefined ? {} : { notify }),
    pinned: patch.pinned ?? rest.pinned,
    muted: patch.muted ?? rest.muted,
  };
}
