/**
 * The few names of characters that may stand in an address or a language of a code block.
 * Stands in for a table of two thousand, which messages do not need: there `&copy;` is what was typed.
 */
const NAMES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };

/** The character, or `false` where the name is not known: then the text stays as it is. */
export function decodeNamedCharacterReference(name: string): string | false {
  return Object.hasOwn(NAMES, name) ? (NAMES[name] ?? false) : false;
}
