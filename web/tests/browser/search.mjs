/**
 * Finding things: a message far back, shown in its place; and a person among more members than a page holds.
 */
import assert from "node:assert/strict";

import { api, appears, logIn, message, open, register, send, twoPeople, until } from "./harness.mjs";
import { fill } from "./speed.mjs";
import { Person } from "./workspace.mjs";

const BEFORE = 300;
const AFTER = 300;

/** Many messages at once are what this journey needs, not what it is about. */
search.settings = ["limits.sends_per_second=100000", "limits.send_burst=100000"];

/** A result shows the words in their message; a click leads there, and from there one can go on both ways. */
export async function search({ browser, server }) {
  const { ada, bob, id } = await twoPeople(browser, server);
  await fill(bob.page, id, BEFORE);
  await send(bob.page, "The **walrus** talked of many things");
  await appears(bob.page, "walrus");
  await fill(bob.page, id, AFTER);
  await ada.page.goto("/");
  await ada.page.getByRole("navigation").first().waitFor();
  await ada.page.keyboard.press("Control+k");
  await ada.page.getByRole("combobox").fill("walrus");
  await ada.page.getByRole("option", { name: /Search messages for/ }).click();
  const result = ada.page.getByRole("link", { name: /walrus/ });
  await until(async () => {
    if (await result.count()) return true;
    // The index is fed beside the way of a message: asked again until it is there.
    await ada.page.reload();
    await ada.page.getByText(/1 message|Nothing found/).first().waitFor();
    return (await result.count()) > 0;
  }, "it is found");
  assert.equal(await result.locator("mark").innerText(), "walrus");
  assert.match(await result.innerText(), /Bob[\s\S]*in General[\s\S]*The walrus talked/u);
  await result.click();
  const found = message(ada.page, "walrus");
  await found.waitFor();
  await until(() => found.evaluate((row) => row.getBoundingClientRect().top >= 0 && row.getBoundingClientRect().bottom <= innerHeight), "it is in view");
  await appears(ada.page, `Message ${BEFORE} with`);
  await appears(ada.page, "Message 1 with");
  const scroller = ada.page.getByRole("log");
  await scroller.hover();
  // No further at once than what is drawn around the window, or what is looked for passes by.
  for (const [text, step] of [["Message 60 with", -500], ["This is the beginning of General", -4000]]) {
    await until(async () => {
      await ada.page.mouse.wheel(0, step);
      return (await ada.page.getByRole("log").getByText(text).count()) > 0;
    }, `${text} by going up`, 30_000);
  }
  await ada.page.getByRole("button", { name: /Latest messages|new message/ }).click();
  await until(() => message(ada.page, `Message ${AFTER} with`).last().isVisible(), "and back at the end");
  await unfinished(ada.page);
  return [ada, bob];
}

/** The server says that older messages are not in the index yet: the reader is told. */
async function unfinished(page) {
  await page.route("**/v1/search?*", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), partial: true } });
  });
  await page.goto("/search?q=walrus");
  await page.getByText("Older messages are still being made searchable").waitFor();
  await page.unrouteAll();
  await page.getByRole("button", { name: "Search again" }).click();
  await page.getByText("Older messages are still being made searchable").waitFor({ state: "detached" });
  await page.getByRole("link", { name: /walrus/ }).waitFor();
}

/** More members than one page of them. */
const MEMBERS = 130;

/** Passwords cost nothing here: 130 people register. */
crowd.settings = ["limits.logins_per_minute=100000", "limits.requests_per_second=10000", "passwords.memory_kib=64", "passwords.iterations=1"];

/** Completion finds who is far down the list of members, and the mention counts. */
export async function crowd({ browser, server }) {
  const ada = await open(browser, server);
  await register(ada.page, "ada", "Ada Lovelace", "/");
  const id = new URL(ada.page.url()).pathname.split("/")[2];
  for (let index = 1; index <= MEMBERS; index += 1) {
    const person = await Person.register(server, `guest${String(index).padStart(3, "0")}`, `Guest ${index}`);
    await person.post(`/v1/conversations/${id}/join`);
  }
  const last = `guest${MEMBERS}`;
  await ada.page.reload();
  const field = ada.page.locator("textarea");
  await field.pressSequentially(`hello @guest${MEMBERS - 1}`);
  await ada.page.getByRole("option", { name: `Guest ${MEMBERS - 1}` }).waitFor();
  await field.fill("");
  await field.pressSequentially(`hello @${last}`);
  await ada.page.getByRole("option", { name: `Guest ${MEMBERS}` }).waitFor();
  await field.press("Enter");
  assert.equal(await field.inputValue(), `hello @${last} `);
  await field.press("Enter");
  await appears(ada.page, `hello`);
  const guest = await open(browser, server);
  await logIn(guest.page, last);
  await guest.page.goto("/settings/profile");
  await guest.page.getByText("mentioned 1 time").waitFor({ state: "attached" });
  const { items } = await api(guest.page, "GET", "/v1/conversations");
  assert.equal(items.find((item) => item.conversationId === id).mentions, 1);
  return [ada, guest];
}
