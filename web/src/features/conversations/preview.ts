/**
 * A message in one line, as plain text: for the list, for quotes, for notifications.
 * Takes Markdown's marks away without reading it as Markdown, because only a glance is needed.
 */
import type { Attachment } from "../../sync/api";
import type { Translate } from "../../i18n/translate";

const PREVIEW_CHARS_MAX = 200;

export interface Previewed {
  readonly body: string;
  readonly deleted: boolean;
  readonly attachments: readonly Attachment[];
}

export function previewText(message: Previewed, t: Translate): string {
  if (message.deleted) return t("message.deleted");
  const text = plainText(message.body);
  if (text !== "") return text;
  const [first] = message.attachments;
  if (first === undefined) return "";
  if (message.attachments.length > 1) return t("attachment.count", { count: message.attachments.length });
  return first.contentType.startsWith("image/") ? t("attachment.image", { name: first.name }) : first.name;
}

/** The text of a Markdown source, roughly, in one line and at most 200 characters. */
export function plainText(source: string): string {
  const text = source
    .slice(0, PREVIEW_CHARS_MAX * 4)
    .replace(/```[\w-]*\n?/gu, "")
    .replace(/^\s{0,3}(?:#{1,6}\s+|>\s?|[-*+]\s+)/gmu, "")
    .replace(/(\*\*|__|~~|`)(?=\S)(.+?)\1/gu, "$2")
    .replace(/(?<![\w*])([*_])(?=\S)([^*_\n]+?)\1(?![\w*])/gu, "$2")
    .replace(/!?\[([^\]\n]*)\]\([^)\n]*\)/gu, "$1")
    .replace(/\s+/gu, " ")
    .trim();
  const characters = Array.from(text);
  return characters.length > PREVIEW_CHARS_MAX ? `${characters.slice(0, PREVIEW_CHARS_MAX).join("")}…` : text;
}
