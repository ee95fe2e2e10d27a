/**
 * What can be said about a name and a password before the server is asked.
 * The server decides; this only spares a round trip and helps while typing.
 */
import { LIMITS } from "../../protocol/constants";
import type { MessageKey } from "../../i18n/translate";

export const USERNAME_CHARS_MIN = 2;
export const USERNAME_CHARS_MAX = 32;
export const PASSWORD_BYTES_MAX = 256;

type Complaint = Extract<MessageKey, `error.${string}`>;

/** Why a username cannot be taken, if so. */
export function usernameComplaint(username: string): Complaint | undefined {
  const length = username.length;
  const fits = length >= USERNAME_CHARS_MIN && length <= USERNAME_CHARS_MAX && /^[a-z0-9._-]+$/iu.test(username);
  return fits ? undefined : "error.bad_username";
}

/** Why a password cannot be taken, if so. */
export function passwordComplaint(password: string): Complaint | undefined {
  const long = charactersIn(password) >= LIMITS.passwordCharsMin;
  const short = new TextEncoder().encode(password).length <= PASSWORD_BYTES_MAX;
  return long && short ? undefined : "error.bad_password";
}

/** Counted as the server does: by code points. */
function charactersIn(text: string): number {
  return Array.from(text).length;
}

export type Strength = "short" | "weak" | "fair" | "strong";

/** A rough idea of how hard a password is to guess: its length first, then its variety. */
export function strengthOf(password: string): Strength {
  const length = charactersIn(password);
  if (length < LIMITS.passwordCharsMin) return "short";
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u].filter((kind) => kind.test(password)).length;
  const different = new Set(password).size;
  if (different < 5) return "weak";
  if (length >= 16 || (length >= 12 && kinds >= 3)) return "strong";
  return length >= 10 || kinds >= 3 ? "fair" : "weak";
}
