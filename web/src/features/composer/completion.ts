/**
 * What is being typed that can be completed: a name after `@`, an emoji after `:`; and how the text is after completing it.
 * Pure: text and caret in, text and caret out.
 */

export interface Token {
  readonly kind: "mention" | "emoji";
  /** What was typed after the sign. */
  readonly query: string;
  /** Where the sign is. */
  readonly start: number;
}

const EMOJI_CHARS_MIN = 2;
const MENTION = /(?:^|[\s([{"'])@([\p{L}\p{N}._-]{0,32})$/u;
const EMOJI = /(?:^|[\s([{"'])(?::)([\p{L}\p{N}_+-]{1,32})$/u;

/** The token that ends at the caret, if there is one. */
export function tokenAt(text: string, caret: number): Token | undefined {
  const before = text.slice(0, caret);
  if (isInCode(before)) return undefined;
  const mention = MENTION.exec(before)?.[1];
  if (mention !== undefined) return { kind: "mention", query: mention, start: caret - mention.length - 1 };
  const emoji = EMOJI.exec(before)?.[1];
  if (emoji === undefined || emoji.length < EMOJI_CHARS_MIN) return undefined;
  return { kind: "emoji", query: emoji, start: caret - emoji.length - 1 };
}

export interface Edited {
  readonly text: string;
  readonly caret: number;
}

/** Puts the completion where the token was, and a space after it unless there is one. */
export function completed(text: string, caret: number, token: Token, completion: string): Edited {
  const after = text.slice(caret);
  const space = /^\s/u.test(after) ? "" : " ";
  const head = text.slice(0, token.start) + completion + space;
  return { text: head + after, caret: head.length + (space === "" ? 1 : 0) };
}

/** Puts marks around a selection, or takes them away if they are there. */
export function wrapped(text: string, start: number, end: number, mark: string): Edited & { readonly selectionStart: number } {
  const has = text.slice(start - mark.length, start) === mark && text.slice(end, end + mark.length) === mark;
  if (has) {
    const bare = text.slice(0, start - mark.length) + text.slice(start, end) + text.slice(end + mark.length);
    return { text: bare, selectionStart: start - mark.length, caret: end - mark.length };
  }
  const marked = text.slice(0, start) + mark + text.slice(start, end) + mark + text.slice(end);
  return { text: marked, selectionStart: start + mark.length, caret: end + mark.length };
}

/** Inside a code block or a code span that is not closed: there signs are only signs. */
function isInCode(before: string): boolean {
  const fences = before.match(/^```/gmu)?.length ?? 0;
  if (fences % 2 === 1) return true;
  const line = before.slice(before.lastIndexOf("\n") + 1);
  return (line.match(/`/gu)?.length ?? 0) % 2 === 1;
}
