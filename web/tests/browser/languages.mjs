/**
 * Languages: every page in German without a word of English or a bare key, and every page from right to left without
 * a text that nobody translated and without anything that leaves the page sideways.
 */
import { readFile } from "node:fs/promises";
import ts from "typescript";

import { api, open, logIn } from "./harness.mjs";
import { furnish } from "./workspace.mjs";

const PATHS = [
  "/", "/channels", "/search", "/search?q=tea", "/search?q=nowhere-to-be-found", "/settings/profile", "/settings/appearance",
  "/settings/notifications", "/settings/messages", "/settings/security", "/settings/invitations", "/settings/shortcuts",
  "/admin/overview", "/admin/users", "/admin/conversations", "/admin/dead-letters",
];

export async function german({ browser, server }) {
  const { ada, id, crowd } = await furnish(browser, server);
  const check = await judge();
  const found = new Map();
  await api(ada.page, "PATCH", "/v1/account/preferences", { locale: "de" });
  const examine = async (page, where) => {
    for (const text of await textsOf(page)) if (check.complaint(text) !== undefined) found.set(text, `${check.complaint(text)}, on ${where}`);
  };
  await walk(ada.page, id, "", (where) => examine(ada.page, where));
  await guests(browser, server, { locale: "de-DE" }, "", examine);
  if (found.size > 0) throw new Error(`not German:\n${listed(found)}`);
  return [ada, crowd];
}

/** The language for checks marks every translated text: what has no mark was written into a page. */
export async function rightToLeft({ browser, server }) {
  const { ada, id, crowd } = await furnish(browser, server);
  const check = await judge();
  const phone = await open(browser, server, { phone: true });
  await logIn(phone.page, "ada");
  const found = new Map();
  const examine = async (page, where) => {
    const { direction, over } = await page.evaluate(sideways);
    if (direction !== "rtl") found.set(direction, `the direction of ${where}`);
    for (const one of over) found.set(one, `leaves the page sideways, on ${where}`);
    for (const text of await textsOf(page)) if (!check.isTranslated(text)) found.set(text, `nobody translated it, on ${where}`);
  };
  const locale = "locale=ar-XB";
  await walk(ada.page, id, locale, (where) => examine(ada.page, where));
  await walk(phone.page, id, locale, (where) => examine(phone.page, `${where} on a phone`), true);
  await guests(browser, server, {}, locale, examine);
  if (found.size > 0) throw new Error(`from right to left:\n${listed(found)}`);
  return [ada, phone, crowd];
}

const listed = (found) => [...found].map(([what, why]) => `${JSON.stringify(what)}: ${why}`).join("\n");

/** Every page, and what opens over pages. */
async function walk(page, id, query, examine, isPhone = false) {
  const at = (path) => (query === "" ? path : `${path}${path.includes("?") ? "&" : "?"}${query}`);
  for (const path of [...PATHS, `/c/${id}`, `/c/${id}?panel=members`]) {
    await page.goto(at(path));
    await page.waitForLoadState("networkidle");
    await page.locator("main").waitFor();
    await examine(path);
  }
  await page.goto(at(`/c/${id}`));
  await page.locator("textarea").waitFor();
  const rows = page.locator("[data-row]");
  await rows.last().waitFor();
  const opened = async (name, open) => {
    await open();
    await page.locator("[role=dialog], [role=menu], [role=alertdialog]").first().waitFor();
    await page.waitForLoadState("networkidle");
    await examine(`/c/…: ${name}`);
    await page.keyboard.press("Escape");
    await page.locator("[role=dialog], [role=menu], [role=alertdialog]").first().waitFor({ state: "detached" });
  };
  await opened("menu of the conversation", () => page.locator("main header button[aria-haspopup=menu]").first().click());
  if (isPhone) return;
  await opened("jump", () => page.keyboard.press("Control+k"));
  await opened("new conversation", () => page.locator("nav button:has(svg.lucide-square-pen)").click());
  await opened("account", () => page.locator("nav button[aria-haspopup=menu]").click());
  await opened("a person", () => rows.last().locator("header button").first().click());
  await opened("a picture", () => page.locator("[data-row] button:has(img[width])").first().click());
  for (const index of [2, 3, 4]) {
    await opened(`message: ${index}`, async () => {
      await rows.last().hover();
      await rows.last().getByRole("toolbar").locator("button[aria-haspopup=menu]").click();
    });
  }
  await opened("emoji", () => page.locator("button:has(svg.lucide-smile)").last().click());
}

/** Pages of who is not logged in. */
async function guests(browser, server, look, query, examine) {
  const guest = await open(browser, server, look);
  for (const path of ["/login", "/register", "/join/no-such-code"]) {
    await guest.page.goto(query === "" ? path : `${path}?${query}`);
    await guest.page.locator("form input").first().waitFor();
    await examine(guest.page, path);
  }
  await guest.context.close();
}

/** Texts a person sees or hears: of the page and of the attributes that are read out. */
function textsOf(page) {
  return page.evaluate(() => {
    const texts = new Set([document.title]);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { parentElement, data } = walker.currentNode;
      const isTheirs = parentElement.closest("[data-row] p, [data-row] pre, [data-row] li, bdi, kbd, code, mark, [lang]:not(html), [data-foreign]") !== null;
      if (!isTheirs && parentElement.checkVisibility() && data.trim() !== "") texts.add(data.trim());
    }
    for (const element of document.body.querySelectorAll("[aria-label], [placeholder], [title], [alt]")) {
      if (!element.checkVisibility() || element.closest("[data-foreign]") !== null) continue;
      for (const name of ["aria-label", "placeholder", "title", "alt"]) {
        const text = element.getAttribute(name)?.trim();
        if (text) texts.add(text);
      }
    }
    return [...texts];
  });
}

/** Whether anything makes the page wider than it is, and what. Runs in the page. */
function sideways() {
  const width = document.documentElement.clientWidth;
  const isScrolled = (element) => element !== null && (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(element).overflowX) || isScrolled(element.parentElement));
  const over = [];
  if (document.documentElement.scrollWidth > width) over.push("the page");
  for (const element of document.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    if (box.width === 0 || box.height === 0 || !element.checkVisibility()) continue;
    if ((box.left < -1 || box.right > width + 1) && !isScrolled(element.parentElement)) over.push(`${element.tagName} ${element.className}`);
  }
  return { direction: getComputedStyle(document.documentElement).direction, over: over.slice(0, 5) };
}

/** Judges texts by the tables of the app. */
async function judge() {
  const [en, de] = await Promise.all([tableOf("en"), tableOf("de")]);
  const keys = new Set(Object.keys(en));
  const formsOf = (message) => (typeof message === "string" ? [message] : Object.values(message));
  const isOnlyValues = (text) => text.replace(/\{\w+\}/gu, "").replace(/[^\p{L}]/gu, "") === "";
  const pattern = (text) => new RegExp(`^${text.split(/\{\w+\}/u).map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&")).join(".+?")}$`, "u");
  const different = Object.keys(en).filter((key) => JSON.stringify(en[key]) !== JSON.stringify(de[key]));
  const english = different.flatMap((key) => formsOf(en[key]).filter((text) => !isOnlyValues(text)).map(pattern));
  const inGerman = Object.values(de).flatMap(formsOf).filter((text) => !isOnlyValues(text)).map(pattern);
  const isKey = (text) => keys.has(text) || text.split(/\s/u).some((word) => word.includes(".") && keys.has(word));
  return {
    complaint: (text) => {
      if (isKey(text)) return "a bare key";
      if (FOREIGN.some((one) => one.test(text))) return undefined;
      return english.some((one) => one.test(text)) && !inGerman.some((one) => one.test(text)) ? "English" : undefined;
    },
    isTranslated: (text) => /\u202E/u.test(text) || !/\p{L}{2}/u.test(text) || FOREIGN.some((one) => one.test(text)),
  };
}

/** The texts of one language, as its module exports them. */
async function tableOf(name) {
  const source = await readFile(new URL(`../../src/i18n/${name}.ts`, import.meta.url), "utf8");
  const { outputText } = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } });
  return (await import(`data:text/javascript;base64,${Buffer.from(outputText).toString("base64")}`))[name];
}

/** What people and the server wrote, and what the browser writes: times, sizes, distances. */
const FOREIGN = [
  /^(ada|grace|alan|hedy|katherine|margaret|edsger)\b/iu,
  /^(General|Random|Design|Lunch|Release train|How it looks and feels|Everything else|What leaves when)$/u,
  /^(✍️|🐛|📻|🚀) /u,
  /^\p{Lu}{1,2}$/u,
  /\.(png|pdf)$/u,
  /^(Good morning!|It is about the moth|I’ll bring the|For everybody: say hello)/u,
  /^(Mozilla\/|node$)/u,
  /DynamoWave Chat$/u,
  /^[0-9a-f]{8}-[0-9a-f-]{27}$/u,
  /^\w+day, \w+ \d+, \d{4} at [\d:]+ [AP]M( \(.+\))?$/u,
  /^(Today|Yesterday|\w+day)(, [\d:]+ [AP]M)?$/u,
  /^[\d:]+ [AP]M$/u,
  /^(this minute|(in )?\d+ (minute|hour|day)s?( ago)?)$/u,
  /^[\d.,]+ (byte|kB|MB|GB)$/u,
  /^\d+ \w+( \d+ \w+)?$/u,
  /^(from|in|before|after|has):/u,
  /^(English|Deutsch)$/u,
];
