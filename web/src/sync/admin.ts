/**
 * What owners and admins of the server can ask and do.
 * Knows routes alone; whether somebody may is for the server to say.
 */
import type { DeadLetterCount } from "../protocol/types";
import type { AdminApi } from "./api";
import type { AdminConversation, AdminHealth, AdminUser, DeadLetterItem, Page } from "./contract";
import type { Context } from "./context";

export function adminApi({ http }: Context): AdminApi {
  return {
    users: (query) => http.get<Page<AdminUser>>("/v1/admin/users", { query }),
    patchUser: (userId, patch) => http.patch<AdminUser>(`/v1/admin/users/${userId}`, { body: patch }),
    resetPassword: (userId, password) => http.put(`/v1/admin/users/${userId}/password`, { body: { password } }),
    conversations: (cursor) => http.get<Page<AdminConversation>>("/v1/admin/conversations", { query: { cursor } }),
    deadLetters: (query) => http.get<Page<DeadLetterItem>>("/v1/admin/dead-letters", { query }),
    deadLetter: (queue, id) => http.get<DeadLetterItem>(`/v1/admin/dead-letters/${encodeURIComponent(id)}`, { query: { queue } }),
    redrive: async (selection) => (await http.post<DeadLetterCount>("/v1/admin/dead-letters/redrive", { body: selection })).count,
    drop: async (selection) => (await http.post<DeadLetterCount>("/v1/admin/dead-letters/drop", { body: selection })).count,
    health: () => http.get<AdminHealth>("/v1/admin/health"),
  };
}
