/**
 * The web app in two real browsers, through everything that was deployed: `node browser.mjs ADDRESS`, with the address of
 * the front that stands in for the distribution.
 * Knows no service; what a page complains of fails it, as in the journeys of the app itself.
 */
import assert from "node:assert/strict";

import { api, appears, launch, logIn, open, send, texts, until } from "../../../web/tests/browser/harness.mjs";

const address = process.argv[2];
assert.match(address ?? "", /^http:\/\/127\.0\.0\.1:\d+$/, "the address of a front on this machine");
const server = { address };
const PATIENCE_MS = 60_000;
const browser = await launch();
try {
  const ada = await open(browser, server);
  const bob = await open(browser, server);
  for (const side of [ada, bob]) side.page.setDefaultTimeout(PATIENCE_MS);
  const name = (who) => `${who}${Date.now().toString(36)}`;
  const names = { ada: name("ada"), bob: name("bob") };
  await joins(ada.page, names.ada, "Ada Lovelace");
  await joins(bob.page, names.bob, "Bob");

  const { userId } = await api(bob.page, "GET", "/v1/account");
  const group = { kind: "group", title: "Tea", memberIds: [userId] };
  const { conversationId } = await api(ada.page, "POST", "/v1/conversations", group);
  for (const side of [ada, bob]) await side.page.getByRole("link", { name: /Tea/ }).first().click();

  await says(ada, "Hello Bob", bob);
  await says(bob, "Hello Ada", ada);

  // Cut off: what is written meanwhile waits on the device, what others write comes when the way is open again.
  await bob.context.setOffline(true);
  await send(bob.page, "written offline");
  for (const word of ["one", "two", "three"]) {
    await send(ada.page, `while you were away ${word}`);
    await appears(ada.page, `while you were away ${word}`, PATIENCE_MS);
  }
  await bob.context.setOffline(false);
  await appears(bob.page, "while you were away three", PATIENCE_MS);
  await appears(ada.page, "written offline", PATIENCE_MS);

  // Everything once, and in the same order for both (D2 D3).
  const said = async (side) => (await texts(side.page)).filter((text) => /Hello|away|offline/.test(text));
  await until(async () => (await said(bob)).length === 6 && (await said(ada)).length === 6, "everything arrives", PATIENCE_MS);
  assert.deepEqual(await said(bob), await said(ada));
  const { headSeq } = await api(ada.page, "GET", `/v1/conversations/${conversationId}/events?after=0`);
  assert.equal(headSeq, 7);

  // Another device, by password: it finds the conversation as it is.
  const phone = await open(browser, server, { phone: true });
  phone.page.setDefaultTimeout(PATIENCE_MS);
  await logIn(phone.page, names.bob);
  await phone.page.getByRole("link", { name: /Tea/ }).first().click();
  await appears(phone.page, "while you were away three", PATIENCE_MS);
  await says(ada, "see you", phone);

  const complaints = [ada, bob, phone].flatMap((side) => side.complaints);
  assert.deepEqual([...new Set(complaints)], []);
} finally {
  await browser.close();
}

/** Registers by the form. Whoever is first has a channel, others may have nothing yet. */
async function joins(page, username, displayName) {
  await page.goto("/register");
  await page.getByLabel("Your name").fill(displayName);
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await page.getByRole("button", { name: /create/i }).click();
  await page.getByRole("navigation").first().waitFor();
}

async function says(one, text, other) {
  await send(one.page, text);
  await appears(other.page, text, PATIENCE_MS);
}
