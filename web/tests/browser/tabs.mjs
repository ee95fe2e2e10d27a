/**
 * Two tabs of one browser and a phone of the same person: read marks, messages, settings and the login itself are the
 * same everywhere (D9). And what a person in another tab is told of.
 */
import assert from "node:assert/strict";

import { api, appears, logIn, message, open, send, texts, twoPeople, until, watch } from "./harness.mjs";

export async function tabs({ browser, server }) {
  const { ada, bob, id } = await twoPeople(browser, server);
  const second = await ada.context.newPage();
  watch(second, ada.complaints);
  const phone = await open(browser, server, { phone: true });
  await logIn(phone.page, "ada");
  const devices = [ada.page, second, phone.page];
  await counted(devices, bob.page);
  await written(devices, bob.page, id);
  await settled(devices);
  await ended(ada.page, second, phone.page);
  return [ada, bob, phone];
}

const badge = (page, count) => page.getByRole("navigation").first().getByText(`${count} unread message`);

/** Three unread messages everywhere, in the list and in the title; read in one place, read in all. */
async function counted([page, second, phone], other) {
  await page.goto("/settings/profile");
  await second.goto("/search");
  await phone.goto("/");
  for (const word of ["one", "two", "three"]) await send(other, `unread ${word}`);
  for (const device of [page, second, phone]) {
    await until(() => badge(device, 3).count(), "three unread");
    await until(async () => (await device.title()).startsWith("(3) "), "the title says so");
  }
  await second.getByRole("link", { name: /General/ }).first().click();
  await appears(second, "unread three");
  for (const device of [page, second, phone]) {
    await until(async () => (await badge(device, 3).count()) === 0, "read everywhere");
    await until(async () => (await device.title()) === "DynamoWave Chat", "the title is quiet again");
  }
}

/** Sent, edited and reacted to in one place, and the same once in all. */
async function written([page, second, phone], other, id) {
  const devices = [page, second, phone];
  for (const device of devices) {
    await device.goto(`/c/${id}`);
    await appears(device, "unread three");
  }
  const words = ["from the first tab", "from the second tab", "from the phone"];
  for (const [index, device] of devices.entries()) {
    // On a phone Enter begins a new line.
    await device.locator("textarea").fill(words[index]);
    await device.getByRole("button", { name: "Send", exact: true }).click();
    for (const each of [...devices, other]) await appears(each, words[index]);
  }
  for (const each of [...devices, other]) {
    const seen = (await texts(each)).filter((text) => text.startsWith("from the"));
    assert.deepEqual(seen, words, "each once, in one order");
  }
  await second.locator("textarea").press("ArrowUp");
  await second.locator("textarea").fill("from the phone, corrected in the second tab");
  await second.locator("textarea").press("Enter");
  for (const each of [page, phone, other]) await appears(each, "corrected in the second tab");
}

/** What is set in one place: a muted conversation, a name, colours. */
async function settled([page, second, phone]) {
  await page.getByRole("button", { name: "More about this conversation" }).click();
  await page.getByRole("menuitem", { name: "Mute" }).click();
  for (const device of [page, second, phone]) await device.getByRole("img", { name: "Muted" }).first().waitFor({ state: "attached" });
  await second.goto("/settings/appearance");
  await second.getByLabel("Colours").selectOption("dark");
  for (const device of [page, second, phone]) {
    await until(() => device.evaluate(() => document.documentElement.dataset.theme === "dark"), "dark everywhere");
  }
  await second.goto("/settings/profile");
  await second.getByLabel("Your name").fill("Countess Lovelace");
  await second.getByRole("button", { name: "Save" }).first().click();
  for (const device of [page, second]) await device.getByRole("navigation").first().getByText("Countess Lovelace").waitFor();
}

/** Logging out by the menu ends it in both tabs, keeps nothing on the device, and leaves the phone alone. */
async function ended(page, second, phone) {
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Log out" }).click();
  for (const tab of [page, second]) await tab.getByRole("heading", { name: "Log in" }).waitFor();
  assert.equal(await page.evaluate(() => fetch("/v1/account").then(({ status }) => status)), 401);
  await phone.locator("textarea").fill("still here");
  await phone.getByRole("button", { name: "Send", exact: true }).click();
  await appears(phone, "still here");
  await until(async () => (await message(phone, "still here").getByRole("img", { name: /Sent|Delivered|Read/ }).count()) > 0, "and sent");
  // One tab logs in, and both are.
  await logIn(second, "ada");
  await page.getByRole("navigation").first().waitFor();
}

/** What is told and what is not: offered only when there is something to be told of; levels, mute, quiet times. */
export async function notices({ browser, server }) {
  const { ada, bob, id } = await twoPeople(browser, server);
  await ada.page.reload();
  await ada.page.locator("textarea").waitFor();
  const offer = ada.page.getByText("Be told of new messages");
  assert.equal(await offer.count(), 0, "nobody is asked before anything was said");
  await send(bob.page, "hello");
  await offer.waitFor();
  await ada.context.grantPermissions(["notifications"]);
  await ada.page.reload();
  await appears(ada.page, "hello");
  assert.equal(await offer.count(), 0, "nor who has allowed it");
  const second = await ada.context.newPage();
  watch(second, ada.complaints);
  for (const tab of [ada.page, second]) await inBackground(tab, "/settings/profile");
  await ada.page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  const { userId, username } = await api(ada.page, "GET", "/v1/account");
  const say = (body, mentions) => api(bob.page, "POST", `/v1/conversations/${id}/messages`, { body, ...(mentions === undefined ? {} : { mentions }) });
  const shown = () =>
    ada.page.evaluate(async () => {
      const registration = await navigator.serviceWorker.getRegistration();
      return (await registration.getNotifications()).map(({ title, body }) => `${title}: ${body}`);
    });
  const told = (text) => until(async () => (await shown()).some((one) => one.includes(text)), `told of ${text}`);
  const counted = (count) => until(async () => (await ada.page.title()).startsWith(`(${count}`), `${count} in the title`);

  await say("the first of all");
  await told("Bob in General: the first of all");
  assert.equal((await shown()).length, 1, "by one of both tabs");
  const level = (notify) => api(ada.page, "PATCH", `/v1/conversations/${id}/preferences`, { notify });
  await level("mentions");
  await say("of no weight");
  await counted(2);
  await say(`@${username} listen`, [userId]);
  await told("listen");
  assert.ok(!(await shown()).some((one) => one.includes("of no weight")), "what does not mention is not told");
  await level("none");
  await say(`@${username} nothing of this`, [userId]);
  await counted(4);
  await level("all");
  await api(ada.page, "PATCH", "/v1/account/preferences", { doNotDisturbUntil: new Date(Date.now() + 3_600_000).toISOString() });
  await until(() => ada.page.getByRole("navigation").first().locator("svg.lucide-bell-off").count(), "quiet");
  await say("hush");
  await counted(5);
  await api(ada.page, "PATCH", "/v1/account/preferences", { doNotDisturbUntil: null });
  await until(async () => (await ada.page.getByRole("navigation").first().locator("svg.lucide-bell-off").count()) === 0, "not quiet");
  await say("loud again");
  await told("loud again");
  const all = await shown();
  assert.ok(!all.some((one) => /nothing of this|hush/u.test(one)), "neither level none nor quiet times let anything through");
  assert.equal(all.length, 1, "a newer one replaces the older of the same conversation");
  return [ada, bob];
}

/** A page that is open and not looked at. */
async function inBackground(page, path) {
  await page.goto(path);
  await page.getByRole("navigation").first().waitFor();
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setFocusEmulationEnabled", { enabled: false });
}
