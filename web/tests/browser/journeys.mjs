/**
 * What must work in front of people's eyes, with two real browsers against the real binary.
 * Each journey has a server of its own.
 */
import assert from "node:assert/strict";

import { api, appears, logIn, message, open, PASSWORD, register, send, texts, until } from "./harness.mjs";

/** First run: the owner's account, a channel, a second person in another browser, both talk. */
export async function firstRun({ browser, server }) {
  const ada = await open(browser, server);
  await register(ada.page, "ada", "Ada Lovelace", "/");
  await send(ada.page, "Hello, **everybody**");
  await appears(ada.page, "Hello, everybody");
  const bob = await open(browser, server);
  await register(bob.page, "bob", "Bob");
  await appears(bob.page, "Hello, everybody");
  await send(bob.page, "Hello Ada");
  await appears(ada.page, "Hello Ada");
  return [ada, bob];
}

/** Edit, delete, reply and react, seen on the other side. */
export async function changes({ browser, server }) {
  const [ada, bob] = await firstRun({ browser, server });
  const id = new URL(ada.page.url()).pathname.split("/")[2];
  await send(ada.page, "to be changed");
  await appears(bob.page, "to be changed");
  await ada.page.locator("textarea").press("ArrowUp");
  await ada.page.locator("textarea").fill("has been changed");
  await ada.page.locator("textarea").press("Enter");
  await appears(bob.page, "has been changed");
  assert.equal(await message(bob.page, "to be changed").count(), 0);
  const { events } = await api(ada.page, "GET", `/v1/conversations/${id}/events?after=0&limit=100`);
  const { seq } = events.find((event) => event.body === "has been changed");
  await api(bob.page, "PUT", `/v1/conversations/${id}/messages/${seq}/reactions/${encodeURIComponent("🎉")}`);
  await until(() => message(ada.page, "🎉").count(), "the reaction is seen");
  await api(ada.page, "DELETE", `/v1/conversations/${id}/messages/${seq}`);
  await until(async () => (await message(bob.page, "has been changed").count()) === 0, "the deletion is seen");
  return [ada, bob];
}

/** The server is killed while somebody writes: nothing is lost, nothing twice, all in order (D1 D2 D4). */
export async function killed({ browser, server }) {
  const [ada, bob] = await firstRun({ browser, server });
  const words = Array.from({ length: 24 }, (_, index) => `word ${String(index + 1).padStart(2, "0")}`);
  for (const [index, word] of words.entries()) {
    if (index === 8) await server.kill();
    if (index === 16) await ada.page.reload();
    if (index === 16) await ada.page.locator("textarea").waitFor();
    if (index === 20) await server.run();
    await send(ada.page, word);
    await appears(ada.page, word);
  }
  await until(async () => (await texts(bob.page)).filter((text) => text.startsWith("word")).length === words.length, "everything arrives", 60_000);
  for (const side of [ada, bob]) {
    const seen = (await texts(side.page)).filter((text) => text.startsWith("word"));
    assert.deepEqual(seen, words);
  }
  return [ada, bob];
}

/** Reading without a network: the screen survives a reload while the server is away, files included. */
export async function offline({ browser, server }) {
  const [ada] = await firstRun({ browser, server });
  await ada.page.waitForFunction(() => navigator.serviceWorker.controller !== null, undefined, { timeout: 15_000 });
  await until(() => ada.page.evaluate(hasFile, "Workspace"), "the app's files are kept");
  // What is kept on the device is written a moment later.
  await until(() => ada.page.evaluate(hasKept, "Hello Ada"), "the conversation is kept on the device");
  await ada.context.setOffline(true);
  await server.kill();
  await ada.page.reload();
  await appears(ada.page, "Hello Ada");
  await send(ada.page, "written offline");
  await appears(ada.page, "written offline");
  await server.run();
  await ada.context.setOffline(false);
  const bob = await open(browser, server);
  await logIn(bob.page, "bob");
  await bob.page.getByRole("link", { name: /General/ }).first().click();
  await appears(bob.page, "written offline", 45_000);
  return [ada, bob];
}

async function hasFile(name) {
  for (const cache of await caches.keys()) {
    for (const request of await (await caches.open(cache)).keys()) if (request.url.includes(name)) return true;
  }
  return false;
}

function hasKept(text) {
  return new Promise((resolve) => {
    const request = indexedDB.open("dynamowave");
    request.onsuccess = () => {
      const all = request.result.transaction("windows").objectStore("windows").getAll();
      all.onsuccess = () => {
        request.result.close();
        resolve(JSON.stringify(all.result).includes(text));
      };
    };
  });
}

/** Two devices and a tab of one person agree about what is read (D9). */
export async function devices({ browser, server }) {
  const [ada, bob] = await firstRun({ browser, server });
  const phone = await open(browser, server, { phone: true });
  await logIn(phone.page, "ada");
  await ada.page.goto("/settings/profile");
  for (const word of ["one", "two", "three"]) await send(bob.page, `unread ${word}`);
  const badge = (side) => side.page.getByText(/3 unread/);
  await phone.page.goto("/");
  await until(() => badge(phone).count(), "the phone counts three unread");
  await until(() => badge(ada).count(), "so does the other device");
  await phone.page.getByRole("link", { name: /General/ }).first().click();
  await appears(phone.page, "unread three");
  await until(async () => (await badge(ada).count()) === 0, "read on the phone is read everywhere", 15_000);
  return [ada, bob, phone];
}

/** Logging out forgets what the device kept; a wrong password says so. */
export async function logOut({ browser, server }) {
  const [ada, bob] = await firstRun({ browser, server });
  await api(ada.page, "DELETE", "/v1/sessions/current");
  await ada.page.getByText("Your login has ended").waitFor({ timeout: 20_000 });
  assert.equal(await ada.page.evaluate(hasKept, "Hello"), false, "nothing of what was said stays on the device");
  await ada.page.getByLabel("Username").fill("ada");
  await ada.page.getByLabel("Password", { exact: true }).fill("wrong password");
  await ada.page.getByRole("button", { name: "Log in" }).click();
  await ada.page.getByRole("alert").first().waitFor();
  await ada.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await ada.page.getByRole("button", { name: "Log in" }).click();
  await ada.page.getByRole("link", { name: /General/ }).first().click();
  await appears(ada.page, "Hello Ada");
  return [ada, bob];
}
