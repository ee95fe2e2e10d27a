/**
 * A stable colour for an id, and initials for a name.
 * The same id has the same colour on every device: it depends on nothing but its characters.
 */

/** How many colours there are; `tokens.css` names as many. */
export const TONES = 12;

/** A number below TONES, from the FNV-1a hash of the id. */
export function toneOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index += 1) {
    hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % TONES;
}

/** One or two letters that stand for a name: the first of the first and of the last word. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/[\s._-]+/u).filter((word) => word.length > 0);
  const first = firstCharacter(words[0] ?? "?");
  const last = words.length > 1 ? firstCharacter(words[words.length - 1] ?? "") : "";
  return (first + last).toLocaleUpperCase();
}

function firstCharacter(word: string): string {
  const codePoint = word.codePointAt(0);
  return codePoint === undefined ? "" : String.fromCodePoint(codePoint);
}
