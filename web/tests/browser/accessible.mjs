/**
 * Pages through axe, light and dark, desktop and phone, and their pictures.
 * Pictures go to `docs/images/` when PICTURES=1, and then the charts get a past first; a violation anywhere fails.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";

import { api, appears, logIn, open, until } from "./harness.mjs";
import { furnish, speak } from "./workspace.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const isForBook = process.env.PICTURES === "1";
const folder = isForBook ? new URL("../../../docs/images/", import.meta.url) : new URL("./out/", import.meta.url);
const CHARTS_MS = isForBook ? 60_000 : 0;

const PAGES = {
  conversation: (id) => `/c/${id}`,
  members: (id) => `/c/${id}?panel=members`,
  home: () => "/",
  channels: () => "/channels",
  search: () => "/search?q=tea",
  "settings-profile": () => "/settings/profile",
  "settings-appearance": () => "/settings/appearance",
  "settings-notifications": () => "/settings/notifications",
  "settings-messages": () => "/settings/messages",
  "settings-security": () => "/settings/security",
  "settings-invitations": () => "/settings/invitations",
  "settings-shortcuts": () => "/settings/shortcuts",
  "admin-users": () => "/admin/users",
  "admin-conversations": () => "/admin/conversations",
  "admin-dead-letters": () => "/admin/dead-letters",
};

/** So that there are dead letters to look at. */
accessible.fault = "permanent-text=doomed";

export async function accessible({ browser, server }) {
  const found = [];
  const { ada, id, people, crowd } = await furnish(browser, server);
  await doom(people, id);
  const desktop = await open(browser, server);
  const phone = await open(browser, server, { phone: true });
  for (const [name, side] of Object.entries({ desktop, phone })) {
    const look = (page) => examine(side.page, page, name, found);
    for (const page of ["login", "register"]) {
      await side.page.goto(`/${page}`);
      await side.page.getByLabel("Username").waitFor();
      await look(page);
    }
    await logIn(side.page, "ada");
    if (name === "desktop") await dismissOffer(side.page);
    for (const [page, path] of Object.entries(PAGES)) {
      await side.page.goto(path(id));
      await side.page.waitForLoadState("networkidle");
      if (page === "conversation") await appears(side.page, "I’ll bring the tea");
      if (page === "settings-invitations") await side.page.getByRole("button", { name: "Make a link" }).click();
      await side.page.waitForLoadState("networkidle");
      await pictured(side.page);
      await look(page);
    }
    await overlays(side.page, id, look);
  }
  await charts(people, crowd, { desktop, phone }, found);
  await otherWays(desktop.page, id, found);
  if (found.length > 0) throw new Error(`axe:\n${found.join("\n")}`);
  return [ada, crowd, desktop, phone];
}

/** What opens over pages. */
async function overlays(page, id, look) {
  await page.goto(`/c/${id}`);
  await page.getByRole("button", { name: "Show harbour.png" }).click();
  await until(() => page.getByRole("dialog").getByRole("img").evaluate((image) => image.naturalWidth > 0), "the picture is there");
  await look("viewer");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.goto("/");
  await page.getByRole("button", { name: "New conversation" }).click();
  await page.getByRole("dialog").getByRole("tab", { name: "Group" }).or(page.getByRole("dialog").getByLabel("Group")).first().click();
  await look("new-conversation");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("button", { name: /Jump to/ }).click();
  await page.getByRole("combobox").fill("a");
  await page.getByRole("option").first().waitFor();
  await page.waitForLoadState("networkidle");
  await look("jump");
  await page.keyboard.press("Escape");
}

/** The overview while people talk, on both at the same time. */
async function charts({ grace, hedy, katherine }, crowd, sides, found) {
  const members = [hedy, katherine].map(({ userId }) => userId);
  const { conversationId } = await grace.post("/v1/conversations", { kind: "group", title: "Night watch", memberIds: members });
  for (const { page } of Object.values(sides)) {
    await page.goto("/admin/overview");
    await page.getByRole("img", { name: /^Connections/ }).waitFor();
  }
  const end = Date.now() + CHARTS_MS;
  for (let turn = 0; Date.now() < end; turn += 1) {
    const count = Math.round(2 + 2 * Math.sin(turn / 9) + 2 * Math.abs(Math.sin(turn / 2.3)));
    for (let index = 0; index < count; index += 1) await speak(crowd, turn + index, conversationId, `Turn ${turn}`);
    await pause(250);
  }
  for (const [name, { page }] of Object.entries(sides)) await examine(page, "admin", name, found);
}

/** The main page in German, and from right to left. */
async function otherWays(page, id, found) {
  await page.goto(`/c/${id}?locale=ar-XB`);
  await appears(page, "I’ll bring the tea");
  await pictured(page);
  await examine(page, "right-to-left", "desktop", found);
  await api(page, "PATCH", "/v1/account/preferences", { locale: "de" });
  await page.goto(`/c/${id}?panel=members`);
  await appears(page, "I’ll bring the tea");
  await pictured(page);
  await examine(page, "german", "desktop", found);
}

/** Two messages that cannot be applied. */
async function doom({ alan, hedy }, id) {
  for (const person of [alan, hedy]) {
    await person.call("POST", `/v1/conversations/${id}/messages`, { body: "doomed" }).catch(() => undefined);
  }
}

/** The offer of notifications is in the pictures of phones. */
async function dismissOffer(page) {
  const later = page.getByRole("button", { name: "Not now" });
  await later.waitFor();
  await later.click();
}

/** Every picture in view is drawn. */
async function pictured(page) {
  await until(
    () => page.evaluate(() => [...document.images].every((image) => image.complete || image.getBoundingClientRect().bottom < 0)),
    "the pictures are there",
  );
}

async function examine(page, name, device, found) {
  // Through the debugger, which the page's own policy does not bind.
  const session = await page.context().newCDPSession(page);
  const evaluate = (expression) => session.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  for (const colours of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: colours });
    await page.screenshot({ path: new URL(`${name}-${colours}-${device}.png`, folder).pathname });
    await evaluate(axe);
    const answer = await evaluate("axe.run(document, { resultTypes: ['violations'] }).then((r) => JSON.stringify(r.violations))");
    for (const violation of JSON.parse(answer.result.value)) {
      const where = violation.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} (${node.failureSummary?.split("\n")[1]?.trim() ?? ""})`);
      found.push(`${name} ${colours} ${device}: ${violation.id}: ${where.join("; ")}`);
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await session.detach();
}
