/** The modules that `scripts/emoji.mjs` makes. */
declare module "virtual:emoji/*" {
  /** Emoji, label, category, version, shortcodes, tags, skin tones from light to dark or 0. */
  type Row = readonly [string, string, number, number, readonly string[], readonly string[], readonly [string, string, string, string, string] | 0];

  const data: {
    readonly emojis: readonly Row[];
    readonly categories: readonly { readonly index: number; readonly label: string }[];
    readonly skinTones: Readonly<Record<"dark" | "light" | "medium" | "medium-dark" | "medium-light", string>>;
  };
  export default data;
}
