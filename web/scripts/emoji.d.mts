/** Types of the plugin; see `emoji.mjs`. */
import type { Plugin } from "vite";

export function emoji(): Plugin;
