/**
 * Runs journeys by name, or all: `npm run test:browser -- firstRun killed`.
 * The binary: SERVER_BINARY, else `target/debug/dynamowave`; or SERVER_URL, where one without accounts runs, for one journey. The pages: the binary's own; `dist/` with PAGES=dist, and where the binary has none.
 */
import { mkdir } from "node:fs/promises";

import { accessible } from "./accessible.mjs";
import { files } from "./files.mjs";
import { launch, Server } from "./harness.mjs";
import { hostile } from "./hostile.mjs";
import * as journeys from "./journeys.mjs";
import { german, rightToLeft } from "./languages.mjs";
import { letters } from "./letters.mjs";
import { people } from "./people.mjs";
import { reachable } from "./reachable.mjs";
import { crowd, search } from "./search.mjs";
import { speed } from "./speed.mjs";
import { notices, tabs } from "./tabs.mjs";

const all = { ...journeys, files, hostile, people, tabs, notices, letters, search, crowd, reachable, german, rightToLeft, accessible, speed };
const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(all);
if (process.env.SERVER_URL !== undefined && names.length > 1) {
  console.error("With SERVER_URL one journey at a time: each needs a server without accounts.");
  process.exit(2);
}
const out = new URL("./out/", import.meta.url);
await mkdir(out, { recursive: true });
await mkdir(new URL("../../../docs/images/", import.meta.url), { recursive: true });

const browser = await launch();
let failed = 0;
for (const name of names) failed += (await run(name)) ? 0 : 1;
await browser.close();
process.exit(failed === 0 ? 0 : 1);

async function run(name) {
  const server = await Server.start(all[name].settings, all[name].fault);
  const started = Date.now();
  try {
    const sides = await all[name]({ browser, server, report: (text) => console.log(`  ${text}`) });
    const complaints = sides.flatMap((side) => side.complaints);
    if (complaints.length > 0) throw new Error(`complaints of the pages:\n${[...new Set(complaints)].join("\n")}`);
    console.log(`ok ${name} (${Date.now() - started} ms)`);
    return true;
  } catch (error) {
    console.error(`FAILED ${name}: ${error.stack}`);
    await picture(name);
    return false;
  } finally {
    for (const context of browser.contexts()) await context.close();
    await server.end();
  }
}

/** What each browser showed when it failed. */
async function picture(name) {
  for (const [index, context] of browser.contexts().entries()) {
    for (const page of context.pages()) {
      await page.screenshot({ path: new URL(`failed-${name}-${index}.png`, out).pathname }).catch(() => undefined);
    }
  }
}
