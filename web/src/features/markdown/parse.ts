/**
 * Markdown source to a tree. HTML is never markup here, only text; neither are images, definitions or entities.
 * Knows no element: what a node looks like is the renderer's. Bounded by the protocol's longest body.
 */
import type { Root } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmAutolinkLiteralFromMarkdown } from "mdast-util-gfm-autolink-literal";
import { gfmStrikethroughFromMarkdown } from "mdast-util-gfm-strikethrough";
import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmAutolinkLiteral } from "micromark-extension-gfm-autolink-literal";
import { gfmStrikethrough } from "micromark-extension-gfm-strikethrough";
import { gfmTable } from "micromark-extension-gfm-table";

const CACHE_ENTRIES = 400;

/** What chat does not need: markup, remote images, code by mere indentation, headings by underlines, references. */
const DISABLED = ["htmlFlow", "htmlText", "labelStartImage", "codeIndented", "setextUnderline", "definition", "characterReference"];

const OPTIONS = {
  extensions: [
    gfmAutolinkLiteral(),
    gfmStrikethrough({ singleTilde: false }),
    gfmTable(),
    { disable: { null: DISABLED } },
  ],
  mdastExtensions: [gfmAutolinkLiteralFromMarkdown(), gfmStrikethroughFromMarkdown(), gfmTableFromMarkdown()],
};

const cache = new Map<string, Root>();

/** The tree of a source; the latest few hundred are kept. */
export function parseMarkdown(source: string): Root {
  const known = cache.get(source);
  if (known !== undefined) return known;
  const root = isPlain(source) ? plainRoot(source) : fromMarkdown(source, OPTIONS);
  if (cache.size >= CACHE_ENTRIES) {
    const [oldest] = cache.keys();
    if (oldest !== undefined) cache.delete(oldest);
  }
  cache.set(source, root);
  return root;
}

/** What can mean something: signs of markup, addresses, ends of lines; and at the beginning lists, headings, quotes. */
const MEANINGFUL = /[\\`*_~[\]<>|&@\n\r\t\0]|:\/\/|www\.|^[\s#+=\-\d]|\s$/iu;

/** Whether a source is one paragraph of mere text, which is most of what people write. */
export function isPlain(source: string): boolean {
  return source !== "" && !MEANINGFUL.test(source);
}

function plainRoot(value: string): Root {
  return { type: "root", children: [{ type: "paragraph", children: [{ type: "text", value }] }] };
}

const SCHEMES = ["http:", "https:", "mailto:"];

/** The address of a link if it may be followed, else nothing. */
export function safeUrl(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  return SCHEMES.includes(url.protocol) ? url.href : undefined;
}

const EMOJI_ONLY = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|[\u200d\ufe0f\u20e3]|\s)+$/u;
const JUMBO_MAX = 5;

/** Whether a source is nothing but a few emoji, which are shown large. */
export function isJumbo(source: string): boolean {
  if (source.length > 64 || !EMOJI_ONLY.test(source)) return false;
  const segments = [...new Intl.Segmenter().segment(source)].filter(({ segment }) => segment.trim() !== "");
  return segments.length > 0 && segments.length <= JUMBO_MAX;
}

/** Pieces of a text: plain, or the name of somebody mentioned. */
export type MentionPiece = { readonly text: string } | { readonly username: string };

const MENTION = /(?<![\p{L}\p{N}_@./-])@([a-z0-9](?:[a-z0-9._-]{0,30}[a-z0-9_])?)/giu;

/** Splits a text at `@name`. */
export function splitMentions(text: string): readonly MentionPiece[] {
  const pieces: MentionPiece[] = [];
  let end = 0;
  for (const match of text.matchAll(MENTION)) {
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) });
    pieces.push({ username: match[1] ?? "" });
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

/** The names mentioned in a source, in lower case, each once. */
export function mentionedNames(source: string): readonly string[] {
  const names = splitMentions(source).flatMap((piece) => ("username" in piece ? [piece.username.toLowerCase()] : []));
  return [...new Set(names)];
}
