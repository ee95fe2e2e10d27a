/**
 * What went wrong, in the reader's language: by the stable code, else in the server's own words.
 * Never shows a cause that is not meant for people.
 */
import { ApiError } from "../../sync/api";
import { en } from "../../i18n/en";
import type { MessageKey, Translate } from "../../i18n/translate";

type ErrorKey = Extract<MessageKey, `error.${string}`>;

/** A sentence for an error that was caught. */
export function errorText(error: unknown, t: Translate): string {
  return error instanceof ApiError ? codeText(error.code, error.message, t) : t("error.unknown");
}

/** A sentence for a code; the server's where there is none in this language. */
export function codeText(code: string, message: string, t: Translate): string {
  const key = `error.${code}`;
  return isErrorKey(key) ? t(key) : message;
}

function isErrorKey(key: string): key is ErrorKey {
  return Object.hasOwn(en, key);
}
