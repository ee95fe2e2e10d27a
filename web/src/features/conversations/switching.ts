/**
 * Which conversations and people suit what was typed, best first.
 * A beginning of the name beats a beginning of a word beats any place; among equals the order given stays.
 */

export interface Candidate {
  readonly label: string;
  /** Other names it goes by. */
  readonly also?: readonly string[];
}

/** How well a name suits: lower is better, `undefined` not at all. */
export function rankOf(name: string, typed: string): number | undefined {
  const folded = fold(name);
  const wanted = fold(typed);
  if (folded.startsWith(wanted)) return 0;
  if (folded.split(/[\s._-]+/u).some((word) => word.startsWith(wanted))) return 1;
  if (folded.includes(wanted)) return 2;
  return isSubsequence(wanted, folded) ? 3 : undefined;
}

export function suiting<C extends Candidate>(candidates: readonly C[], typed: string, max: number): readonly C[] {
  const wanted = typed.trim().replace(/^[#@]/u, "");
  if (wanted === "") return candidates.slice(0, max);
  return candidates
    .map((candidate, index) => ({ candidate, index, rank: best(candidate, wanted) }))
    .filter((entry): entry is { candidate: C; index: number; rank: number } => entry.rank !== undefined)
    .sort((one, other) => one.rank - other.rank || one.index - other.index)
    .slice(0, max)
    .map((entry) => entry.candidate);
}

function best(candidate: Candidate, wanted: string): number | undefined {
  const ranks = [candidate.label, ...(candidate.also ?? [])].map((name) => rankOf(name, wanted)).filter((rank) => rank !== undefined);
  return ranks.length === 0 ? undefined : Math.min(...ranks);
}

/** Without case and accents. */
function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function isSubsequence(wanted: string, text: string): boolean {
  if (wanted.length < 3) return false;
  let at = 0;
  for (const character of wanted) {
    at = text.indexOf(character, at);
    if (at === -1) return false;
    at += character.length;
  }
  return true;
}
