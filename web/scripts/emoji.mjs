/**
 * A plugin for Vite: the emoji of a language as a small module, `virtual:emoji/en`, from emojibase's data.
 * Keeps what a picker and a completion need; each language is a piece of its own that is loaded when it is used.
 */
import { createRequire } from "node:module";

const PREFIX = "virtual:emoji/";
const COMPONENTS_GROUP = 2;
const TONES = ["light", "medium-light", "medium", "medium-dark", "dark"];

const require = createRequire(import.meta.url);

export function emoji() {
  return {
    name: "emoji",
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : undefined),
    load: (id) => (id.startsWith(`\0${PREFIX}`) ? moduleOf(id.slice(PREFIX.length + 1)) : undefined),
  };
}

function moduleOf(locale) {
  const data = require(`emojibase-data/${locale}/data.json`);
  const messages = require(`emojibase-data/${locale}/messages.json`);
  const shortcodes = require("emojibase-data/en/shortcodes/github.json");
  const emojis = data
    .filter((entry) => entry.group !== undefined && entry.group !== COMPONENTS_GROUP)
    .map((entry) => [entry.emoji, entry.label, entry.group, entry.version, codesOf(shortcodes[entry.hexcode]), entry.tags ?? [], skinsOf(entry)]);
  const categories = messages.groups
    .filter((group) => group.order !== COMPONENTS_GROUP)
    .map((group) => ({ index: group.order, label: group.message }));
  const skinTones = Object.fromEntries(messages.skinTones.map((tone) => [tone.key, tone.message]));
  return `export default JSON.parse(${JSON.stringify(JSON.stringify({ emojis, categories, skinTones }))});`;
}

function codesOf(codes) {
  return codes === undefined ? [] : [codes].flat();
}

/** One emoji for each tone, or nothing where there are none. */
function skinsOf(entry) {
  const skins = TONES.map((_, index) => entry.skins?.find((skin) => skin.tone === index + 1)?.emoji);
  return skins.every((skin) => skin !== undefined) ? skins : 0;
}
