/**
 * Colours for code, in a piece of its own that is loaded with the first block of a named language.
 * Gives a tree, never markup.
 */
import type { Root } from "hast";
import { common, createLowlight } from "lowlight";

const lowlight = createLowlight(common);

/** The coloured tree, if the language is known. */
export function highlight(code: string, language: string): Root | undefined {
  const name = language.toLowerCase();
  return lowlight.registered(name) ? lowlight.highlight(name, code) : undefined;
}
