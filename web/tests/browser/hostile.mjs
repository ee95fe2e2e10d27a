/**
 * Texts, names, titles and files that try to become markup or script: nothing runs, wherever they show.
 * The policy of the pages would say so too: its complaints fail the journey.
 */
import assert from "node:assert/strict";

import { api, appears, request, send, twoPeople, until } from "./harness.mjs";
import { draw, landscape, png } from "./pictures.mjs";

const NAME = '<img src=x onerror="window.ran=1">';
const TITLE = "<script>window.ran=1</script>";

/** Messages, names and titles that try to become markup or script (contract of the policy). */
export async function hostile({ browser, server }) {
  const { ada, bob, id } = await twoPeople(browser, server);
  for (const attempt of ATTEMPTS) {
    await send(ada.page, attempt);
    await until(async () => (await ada.page.locator("textarea").inputValue()) === "", "sent");
  }
  await sendFiles(browser, ada.page, id);
  await send(ada.page, "the end of it");
  await appears(bob.page, "the end of it");
  await api(ada.page, "PATCH", "/v1/account", { displayName: NAME, status: { text: NAME } });
  const { userId } = await api(bob.page, "GET", "/v1/account");
  await api(ada.page, "POST", "/v1/conversations", { kind: "channel", title: TITLE, description: NAME, memberIds: [userId] });
  for (const { page } of [ada, bob]) await walk(page, id);
  await openAlone(ada, id);
  return [ada, bob];
}

/** Every page that shows what others wrote. */
async function walk(page, id) {
  for (const path of [`/c/${id}`, `/c/${id}?panel=members`, "/", "/channels", "/search?q=ran", "/settings/profile", "/admin/users", "/admin/conversations"]) {
    await page.goto(path);
    await page.getByRole("navigation").first().getByText(TITLE).first().waitFor();
    if (path.startsWith("/c/")) await appears(page, "the end of it");
    await nothingRan(page);
  }
  await page.goto(`/c/${id}`);
  await page.getByRole("button", { name: /^Show / }).first().click();
  await page.getByRole("dialog").getByRole("img").waitFor();
  await nothingRan(page);
}

async function nothingRan(page) {
  assert.equal(await page.evaluate(() => window.ran), undefined, "nothing ran");
  const made = "main :is(script, iframe, object, embed, style, math, svg[onload], img[onerror], [style*=expression], details)";
  assert.equal(await page.locator(made).count(), 0, "no text became an element");
  const links = await page.locator("[data-row] a").evaluateAll((all) => all.map((link) => link.protocol));
  const allowed = ["http:", "https:", "mailto:"];
  assert.ok(links.every((protocol) => allowed.includes(protocol)), `links lead to the web alone: ${links}`);
}

/** A picture and a text under every name: thumbnails, cards, the tray, the viewer, the previews show them. */
async function sendFiles(browser, page, id) {
  const picture = await draw(browser, landscape(64, 48, 10), 64, 48);
  const input = page.getByTestId("file-input");
  const named = NAMES.flatMap((name) => [png(`${name}.png`, picture), { name, mimeType: "text/html", buffer: Buffer.from(MARKUP) }]);
  for (let at = 0; at < named.length; at += 10) {
    const some = named.slice(at, at + 10);
    await input.setInputFiles(some);
    const tray = page.getByRole("list", { name: "Files to send" });
    await until(async () => (await tray.getByRole("listitem").count()) === some.length, "the files are in the tray");
    await until(async () => (await tray.getByRole("progressbar").count()) === 0, "the files are there");
    assert.equal(await tray.getByRole("alert").count(), 0);
    await nothingRan(page);
    await page.locator("textarea").press("Enter");
    await until(async () => (await tray.count()) === 0, "the files are sent");
  }
  await until(async () => {
    const { events } = await api(page, "GET", `/v1/conversations/${id}/events?after=0&limit=100`);
    return events.flatMap((event) => event.attachments ?? []).length === named.length;
  }, "all of them are in the log");
}

/** A file that would run if it were opened as what it claims to be is saved instead, wherever its address is opened. */
async function openAlone({ context, page }, id) {
  const { events } = await api(page, "GET", `/v1/conversations/${id}/events?after=0&limit=100`);
  const files = events.flatMap((event) => event.attachments ?? []).filter((file) => !file.thumbnail);
  const tab = await context.newPage();
  for (const { attachmentId, contentType } of files.slice(0, 3)) {
    assert.equal(contentType, "text/html", "the server finds out what it is");
    const path = `/v1/attachments/${attachmentId}`;
    const [download] = await Promise.all([tab.waitForEvent("download"), tab.goto(path).catch(() => undefined)]);
    await download.cancel();
    assert.equal(await tab.evaluate(() => window.ran), undefined);
  }
  await tab.close();
  const { status } = await request(page, "GET", `/v1/attachments/${files[0].attachmentId}`);
  assert.equal(status, 200);
}

const MARKUP = "<!DOCTYPE html><script>window.ran=1</script><img src=x onerror=window.ran=1>";

const ATTEMPTS = [
  "<script>window.ran=1</script>",
  '<img src=x onerror="window.ran=1">',
  "<svg onload=window.ran=1>",
  "[click](javascript:window.ran=1)",
  "[click](JaVaScRiPt:window.ran=1)",
  "[click](data:text/html,<script>window.ran=1</script>)",
  "[click](vbscript:window.ran=1)",
  "![x](javascript:window.ran=1)",
  "<a href='javascript:window.ran=1'>x</a>",
  "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
  "`<script>window.ran=1</script>`",
  "```html\n<script>window.ran=1</script>\n```",
  "<style>*{display:none}</style>",
  "<javascript:window.ran=1>",
  "[x]: javascript:window.ran=1\n\n[x]",
  "<details open ontoggle=window.ran=1>",
  "{{constructor.constructor('window.ran=1')()}}",
  "<math><mi xlink:href='javascript:window.ran=1'>x",
];

/** The same as names of files, where `/` ends a folder; and names that quote, climb and turn around. */
const NAMES = [
  ...ATTEMPTS.map((text) => text.replaceAll("\n", " ")),
  '"><img src=x onerror=window.ran=1>',
  "' autofocus onfocus='window.ran=1",
  "javascript:window.ran=1",
  "../../../etc/passwd",
  "..\\..\\autoexec.bat",
  "photo\u202Egnp.exe",
];
