/**
 * Pages through axe, light and dark, and their pictures, desktop and phone.
 * Pictures go to `docs/images/` when PICTURES=1; a violation anywhere fails.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { appears, logIn, open } from "./harness.mjs";
import { furnish } from "./workspace.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const images = new URL("../../../docs/images/", import.meta.url);
const out = new URL("./out/", import.meta.url);

const PAGES = {
  conversation: (id) => `/c/${id}`,
  members: (id) => `/c/${id}?panel=members`,
  home: () => "/",
  channels: () => "/channels",
  search: () => "/search?q=tea",
  "settings-profile": () => "/settings/profile",
  "settings-appearance": () => "/settings/appearance",
  "settings-notifications": () => "/settings/notifications",
  "settings-security": () => "/settings/security",
  "settings-invitations": () => "/settings/invitations",
  admin: () => "/admin/overview",
  "admin-users": () => "/admin/users",
  "admin-conversations": () => "/admin/conversations",
  "admin-dead-letters": () => "/admin/dead-letters",
};

export async function accessible({ browser, server }) {
  const found = [];
  const sides = [];
  const { ada, id, crowd } = await furnish(browser, server);
  sides.push(ada, crowd);
  for (const dark of [false, true]) {
    for (const phone of [false, true]) {
      const look = { dark, phone };
      const guest = await open(browser, server, look);
      sides.push(guest);
      await guest.page.goto("/login");
      await guest.page.getByLabel("Username").waitFor();
      await examine(guest.page, "login", look, found);
      await logIn(guest.page, "ada");
      for (const [name, path] of Object.entries(PAGES)) {
        await guest.page.goto(path(id));
        await guest.page.waitForLoadState("networkidle");
        if (name === "conversation") await appears(guest.page, "Shall we");
        await examine(guest.page, name, look, found);
      }
    }
  }
  if (found.length > 0) throw new Error(`axe:\n${found.join("\n")}`);
  return sides;
}

async function examine(page, name, { dark, phone }, found) {
  const look = `${dark ? "dark" : "light"}-${phone ? "phone" : "desktop"}`;
  const folder = process.env.PICTURES === "1" ? images : out;
  await page.screenshot({ path: new URL(`${name}-${look}.png`, folder).pathname });
  // Through the debugger, which the page's own policy does not bind.
  const session = await page.context().newCDPSession(page);
  const evaluate = (expression) => session.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  await evaluate(axe);
  const answer = await evaluate("axe.run(document, { resultTypes: ['violations'] }).then((r) => JSON.stringify(r.violations))");
  await session.detach();
  for (const violation of JSON.parse(answer.result.value)) {
    const where = violation.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} (${node.failureSummary?.split("\n")[1]?.trim() ?? ""})`);
    found.push(`${name} ${look}: ${violation.id}: ${where.join("; ")}`);
  }
}
