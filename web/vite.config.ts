/**
 * How the client is built and served in development.
 * Output is for embedding: hashed names under `assets/`, nothing inline, so that a policy without `unsafe-inline` holds.
 */
import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { emoji } from "./scripts/emoji.mjs";

/** A running server, for `npm run dev`. The Host stays the page's, because the server checks the page's origin against it. */
const server = process.env["DYNAMOWAVE"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), emoji()],
  resolve: {
    alias: {
      // The whole one is large, and decodes by `innerHTML` in browsers, which trusted types refuse.
      "decode-named-character-reference": fileURLToPath(new URL("src/features/markdown/entities.ts", import.meta.url)),
    },
  },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    manifest: true,
    chunkSizeWarningLimit: 700,
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/v1": { target: server, ws: true, changeOrigin: false } },
  },
  test: {
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["./vitest.setup.ts"],
    restoreMocks: true,
  },
});
