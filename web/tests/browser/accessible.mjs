/**
 * Pages through axe, light and dark, and their pictures, desktop and phone.
 * Pictures go to `docs/images/` when PICTURES=1; a violation anywhere fails.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { api, appears, logIn, open, register, send } from "./harness.mjs";

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
  const id = await furnish(browser, server, sides);
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

/** A workspace that looks like one. Gives the id of its main conversation. */
async function furnish(browser, server, sides) {
  const ada = await open(browser, server);
  await register(ada.page, "ada", "Ada Lovelace", "/");
  const id = new URL(ada.page.url()).pathname.split("/")[2];
  const bob = await open(browser, server);
  await register(bob.page, "grace", "Grace Hopper");
  const cyd = await open(browser, server);
  await register(cyd.page, "alan", "Alan Turing");
  sides.push(ada, bob, cyd);
  await send(ada.page, "Good morning! Shall we look at the **release notes** before lunch?");
  await appears(bob.page, "Shall we");
  await send(bob.page, "Yes. I have three things:\n\n1. the outbox survives a reload\n2. unread counts agree everywhere\n3. search finds it all again");
  await send(cyd.page, "The query I used:\n\n```sql\nSELECT seq, body FROM events\nWHERE conversation = 'general' AND seq > 41;\n```");
  await appears(ada.page, "three things");
  await send(ada.page, "Lovely. See <https://example.org/notes> for the draft.\n\n> nothing is lost, nothing comes twice");
  await send(cyd.page, "I'll bring the tea 🫖");
  await appears(ada.page, "tea");
  const { events } = await api(ada.page, "GET", `/v1/conversations/${id}/events?after=0&limit=100`);
  const first = events.find((event) => event.kind === "message").seq;
  for (const [side, emoji] of [[bob, "👍"], [cyd, "👍"], [cyd, "🎉"]]) {
    await api(side.page, "PUT", `/v1/conversations/${id}/messages/${first}/reactions/${encodeURIComponent(emoji)}`);
  }
  const me = await api(ada.page, "GET", "/v1/account");
  const direct = await api(bob.page, "POST", "/v1/conversations", { kind: "direct", memberIds: [me.userId] });
  await api(bob.page, "POST", `/v1/conversations/${direct.conversationId}/messages`, { body: "Do you have a minute?" });
  await api(cyd.page, "POST", "/v1/conversations", { kind: "group", title: "Lunch", memberIds: [me.userId] });
  await api(ada.page, "POST", "/v1/conversations", { kind: "channel", title: "Design", description: "How it looks and feels", memberIds: [] });
  return id;
}
