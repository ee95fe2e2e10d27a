/**
 * Files: dropped, pasted, sent with progress, given up, looked at, seen by members alone, gone with their message.
 * Nothing waits for time: what is slow is made slow by the browser's own network, and let go again.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { api, appears, message, open, register, request, send, twoPeople, until } from "./harness.mjs";
import { document, draw, drop, landscape, paste, pdf, png } from "./pictures.mjs";

export async function files({ browser, server }) {
  const { ada, bob } = await twoPeople(browser, server);
  const cyd = await open(browser, server);
  await register(cyd.page, "cyd", "Cyd");
  const { userId } = await api(bob.page, "GET", "/v1/account");
  const { conversationId } = await api(ada.page, "POST", "/v1/conversations", { kind: "group", title: "Trip", memberIds: [userId] });
  for (const { page } of [ada, bob]) {
    await page.goto(`/c/${conversationId}`);
    await page.locator("textarea").waitFor();
  }
  await attach(browser, ada.page);
  await giveUp(ada.page);
  await send(ada.page, "Two files of the trip");
  await seen(bob.page);
  await looked(bob.page);
  const { events } = await api(ada.page, "GET", `/v1/conversations/${conversationId}/events?after=0&limit=100`);
  const { attachments } = events.find((event) => event.body === "Two files of the trip");
  assert.deepEqual(attachments.map((file) => [file.name, file.contentType, file.thumbnail]), [
    ["hills.png", "image/png", true],
    ["notes.pdf", "application/pdf", false],
  ]);
  const paths = attachments.flatMap(({ attachmentId }) => [`/v1/attachments/${attachmentId}`]);
  paths.push(`${paths[0]}/thumbnail`);
  for (const path of paths) {
    assert.equal((await request(bob.page, "GET", path)).status, 200, `a member sees ${path}`);
    assert.equal((await request(cyd.page, "GET", path)).status, 404, `who is not a member does not learn of ${path}`);
  }
  await removed(ada.page, bob.page);
  for (const path of paths) assert.equal((await request(bob.page, "GET", path)).status, 404, `${path} went with its message`);
  await album(browser, ada.page, bob.page);
  return [ada, bob, cyd];
}

const card = (page, name) => page.getByRole("list", { name: "Files to send" }).getByRole("listitem").filter({ hasText: name });

async function uploaded(page, name) {
  await card(page, name).waitFor();
  await until(async () => (await card(page, name).getByRole("progressbar").count()) === 0, `${name} is there`);
}

/** A picture let go over the page, a document pasted into the field. */
async function attach(browser, page) {
  await drop(page, "main section", [png("hills.png", await draw(browser, landscape(1200, 800, 200), 1200, 800))]);
  await uploaded(page, "hills.png");
  await until(() => card(page, "hills.png").locator("img").evaluate((image) => image.naturalWidth > 0), "a picture shows before it is sent");
  await paste(page, "textarea", [document("notes.pdf", pdf("What to bring"))]);
  await uploaded(page, "notes.pdf");
}

/** On a slow line the bar moves; giving up ends the request and takes the card away, and the rest can be sent. */
async function giveUp(page) {
  const network = await page.context().newCDPSession(page);
  const line = (uploadThroughput) =>
    network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
  await network.send("Network.enable");
  await line(256 * 1024);
  await drop(page, "main section", [{ name: "film.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(4 * 1024 * 1024, 7) }]);
  const bar = card(page, "film.bin").getByRole("progressbar");
  await bar.waitFor();
  const sendButton = page.getByRole("button", { name: "Send", exact: true });
  await until(async () => {
    const value = await bar.evaluate((element) => element.value);
    return value > 0 && value < 1;
  }, "the bar moves");
  assert.ok(await sendButton.isDisabled(), "nothing is sent without its files");
  const ended = page.waitForEvent("requestfailed", (one) => one.url().includes("film.bin"));
  await page.getByRole("button", { name: "Remove film.bin" }).click();
  await ended;
  await until(async () => (await card(page, "film.bin").count()) === 0, "the card is gone");
  await line(-1);
  await network.detach();
}

/** The other side: a thumbnail that is a picture, a card with size and kind, and the very bytes when saved. */
async function seen(page) {
  await appears(page, "Two files of the trip");
  const row = message(page, "Two files of the trip");
  const thumbnail = row.getByRole("button", { name: "Show hills.png" }).locator("img");
  await until(() => thumbnail.evaluate((image) => image.complete && image.naturalWidth > 0), "the thumbnail is a picture");
  assert.ok(await thumbnail.evaluate((image) => image.naturalWidth < 1200), "and a small one");
  const file = row.getByRole("link", { name: /^notes\.pdf/ });
  assert.match(await file.innerText(), /notes\.pdf\s+\S+ (B|bytes?|byte) · PDF/u);
  const [download] = await Promise.all([page.waitForEvent("download"), file.click()]);
  assert.equal(download.suggestedFilename(), "notes.pdf");
  assert.deepEqual(await readFile(await download.path()), pdf("What to bring"));
}

/** The viewer, by keyboard alone: Enter opens the whole picture, Escape closes it and gives the focus back. */
async function looked(page) {
  const thumbnail = page.getByRole("button", { name: "Show hills.png" });
  await thumbnail.focus();
  await page.keyboard.press("Enter");
  const viewer = page.getByRole("dialog", { name: "hills.png" });
  await viewer.waitFor();
  const picture = viewer.getByRole("img", { name: "hills.png" });
  await until(() => picture.evaluate((image) => image.naturalWidth === 1200), "the whole picture");
  await page.keyboard.press("Escape");
  await viewer.waitFor({ state: "detached" });
  await until(() => thumbnail.evaluate((element) => element === element.ownerDocument.activeElement), "the focus is back where it was");
}

async function removed(page, other) {
  const row = message(page, "Two files of the trip");
  await row.hover();
  await row.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  for (const side of [page, other]) {
    await appears(side, "Message deleted");
    assert.equal(await side.getByRole("button", { name: "Show hills.png" }).count(), 0);
    assert.equal(await side.getByRole("link", { name: /^notes\.pdf/ }).count(), 0);
  }
}

/** Several pictures in one message without a word; the arrows walk through them and around. */
async function album(browser, page, other) {
  const names = ["first.png", "second.png", "third.png"];
  const pictures = await Promise.all(names.map((_, index) => draw(browser, landscape(640, 480, index * 90), 640, 480)));
  await page.getByTestId("file-input").setInputFiles(names.map((name, index) => png(name, pictures[index])));
  for (const name of names) await uploaded(page, name);
  await page.locator("textarea").press("Enter");
  await other.getByRole("button", { name: "Show first.png" }).click();
  const viewer = other.getByRole("dialog");
  for (const [key, name, place] of [["ArrowRight", "second.png", "2 of 3"], ["ArrowLeft", "first.png", "1 of 3"], ["ArrowLeft", "third.png", "3 of 3"]]) {
    await other.keyboard.press(key);
    await viewer.getByRole("heading", { name }).waitFor();
    await viewer.getByText(place).waitFor();
  }
  await viewer.getByRole("button", { name: "Close" }).click();
  await viewer.waitFor({ state: "detached" });
}
