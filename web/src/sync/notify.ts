/**
 * Which messages are worth a notification: by level, mute, and do-not-disturb.
 * Pure; how one looks and sounds is for pages to know.
 */
import type { Conversation } from "./api";
import type { Preferences } from "./contract";

export function isWorthTelling(conversation: Conversation, mentionsMe: boolean, preferences: Preferences, nowMs: number): boolean {
  if (conversation.preferences.muted) return false;
  const { doNotDisturbUntil } = preferences;
  if (doNotDisturbUntil !== undefined && Date.parse(doNotDisturbUntil) > nowMs) return false;
  const level = conversation.preferences.notify ?? preferences.notify;
  // Who writes to one person alone means that person.
  return level === "all" || (level === "mentions" && (mentionsMe || conversation.kind === "direct"));
}
