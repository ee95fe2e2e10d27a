/**
 * Draws the icons of the installed app from `public/icon.svg`: `node scripts/icons.mjs`, after a change of it.
 * Knows sizes alone.
 */
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const ICONS = [
  { name: "icon-192.png", size: 192, share: 1 },
  { name: "icon-512.png", size: 512, share: 1 },
  // Systems cut maskable icons to their own shape: only the middle four fifths are safe.
  { name: "icon-maskable-512.png", size: 512, share: 0.62, background: "#eef2ff" },
];

const svg = await readFile(new URL("../public/icon.svg", import.meta.url), "utf8");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
for (const { name, size, share, background = "transparent" } of ICONS) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  const inner = Math.round(size * share);
  await page.setContent(
    `<style>body{margin:0;height:100vh;display:grid;place-items:center;background:${background}}svg{width:${inner}px;height:${inner}px}</style>${svg}`,
  );
  await page.screenshot({ path: new URL(`../public/${name}`, import.meta.url).pathname, omitBackground: true });
  await page.close();
}
await browser.close();
