/**
 * The emoji of a language, loaded once when first needed.
 * Knows nothing of pickers and completions.
 */
type EmojiModule = (typeof import("virtual:emoji/en"))["default"];

const LOADERS = {
  en: () => import("virtual:emoji/en"),
  de: () => import("virtual:emoji/de"),
} as const;

export type EmojiLocale = keyof typeof LOADERS;

const loaded = new Map<EmojiLocale, Promise<EmojiModule>>();

export function loadEmoji(locale: EmojiLocale): Promise<EmojiModule> {
  const known = loaded.get(locale);
  if (known !== undefined) return known;
  const loading = LOADERS[locale]().then((module) => module.default);
  loaded.set(locale, loading);
  loading.catch(() => loaded.delete(locale));
  return loading;
}

export function emojiLocaleOf(locale: string): EmojiLocale {
  return locale === "de" ? "de" : "en";
}

export interface EmojiMatch {
  readonly emoji: string;
  readonly code: string;
}

/** Emoji whose shortcode, name or tag begins with what was typed: shortcodes first. */
export function matchEmoji(emojis: EmojiModule["emojis"], typed: string, max: number): readonly EmojiMatch[] {
  const wanted = typed.toLowerCase();
  const ranked: { match: EmojiMatch; rank: number; order: number }[] = [];
  emojis.forEach(([emoji, label, , , codes, tags], order) => {
    const code = codes.find((candidate) => candidate.startsWith(wanted)) ?? codes[0] ?? label.replace(/\s+/gu, "_");
    const rank = rankOf(wanted, codes, label, tags);
    if (rank !== undefined) ranked.push({ match: { emoji, code }, rank, order });
  });
  return ranked
    .sort((one, other) => one.rank - other.rank || one.order - other.order)
    .slice(0, max)
    .map(({ match }) => match);
}

function rankOf(wanted: string, codes: readonly string[], label: string, tags: readonly string[]): number | undefined {
  if (codes.includes(wanted)) return 0;
  if (codes.some((code) => code.startsWith(wanted))) return 1;
  if (label.split(" ").some((word) => word.startsWith(wanted))) return 2;
  return tags.some((tag) => tag.startsWith(wanted)) ? 3 : undefined;
}
