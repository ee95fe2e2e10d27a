/**
 * Dead letters from end to end (D5): a message fails for good, its sender is told, the owner finds it, shows it, has it
 * tried again, and it arrives exactly once (D2); another one is dropped.
 */
import assert from "node:assert/strict";

import { appears, message, send, texts, twoPeople, until } from "./harness.mjs";

const SAVED = "doomed, and saved";
const LOST = "doomed, and dropped";

/** Whatever has this word in it cannot be applied, until the server runs again without the fault. */
letters.fault = "permanent-text=doomed";

export async function letters({ browser, server }) {
  const { ada, bob } = await twoPeople(browser, server);
  for (const text of [SAVED, LOST]) {
    await send(ada.page, text);
    await message(ada.page, text).getByRole("alert").getByText("Not sent").waitFor();
  }
  await send(ada.page, "not held up by the others");
  await appears(bob.page, "not held up");
  assert.equal(await message(bob.page, "doomed").count(), 0);
  const key = (text) => message(ada.page, text).getAttribute("data-row");
  const ids = { saved: await key(SAVED), lost: await key(LOST) };

  const owner = { page: await ada.context.newPage() };
  await found(owner.page, ids);
  // A fault that is still there brings it back: nothing is lost by trying.
  await act(owner.page, ids.saved, "Try again");
  await owner.page.getByText("1 is tried again.").first().waitFor();
  await until(async () => {
    await owner.page.reload();
    await letterRows(owner.page).first().waitFor();
    return (await letterRows(owner.page).count()) === 2;
  }, "it is set aside again");
  await server.kill();
  server.fault = undefined;
  await server.run();

  await owner.page.reload();
  await act(owner.page, ids.saved, "Try again");
  await owner.page.getByText("1 is tried again.").first().waitFor();
  await appears(bob.page, SAVED, 30_000);
  await until(async () => (await message(ada.page, SAVED).getByRole("alert").count()) === 0, "its sender sees it sent");
  await until(async () => (await letterRows(owner.page).count()) === 1, "the other one is left");
  await act(owner.page, ids.lost, "Drop");
  await owner.page.getByRole("alertdialog").getByRole("button", { name: "Drop" }).click();
  await owner.page.getByText("1 dropped.").first().waitFor();
  await owner.page.getByText("No dead letters").waitFor();

  await send(bob.page, "all is well");
  await appears(ada.page, "all is well");
  await message(ada.page, LOST).getByRole("button", { name: "Discard" }).click();
  for (const { page } of [ada, bob]) {
    await page.reload();
    await appears(page, "all is well");
    const seen = (await texts(page)).filter((text) => text !== "");
    assert.deepEqual(seen, ["not held up by the others", SAVED, "all is well"], "once, in one order, and nothing else");
  }
  return [ada, bob];
}

const letterRows = (page) => page.getByRole("region", { name: "Dead letters" }).getByRole("row").filter({ has: page.getByRole("button", { name: "Drop" }) });

/** The overview says that something waits; the list shows both with their reason, and each its details. */
async function found(page, ids) {
  await page.goto("/admin/overview");
  await page.getByText("2 dead letters wait for you").waitFor();
  await page.getByRole("tab", { name: "Dead letters" }).click();
  await until(async () => (await letterRows(page).count()) === 2, "both are listed");
  const shown = new Set();
  for (const index of [0, 1]) {
    const details = await show(page, index);
    assert.match(details, /Ada Lovelace/u, "who sent it");
    assert.match(details, /Reason\s+\S+/u);
    assert.doesNotMatch(details, /doomed/u, "never what it says");
    for (const id of Object.values(ids)) if (details.includes(id)) shown.add(id);
  }
  assert.equal(shown.size, 2, "both, by the ids their senders know them by");
}

async function show(page, index) {
  await letterRows(page).nth(index).getByRole("button").first().click();
  const dialog = page.getByRole("dialog", { name: "Dead letter" });
  await dialog.getByText("Ada Lovelace").waitFor();
  const details = await dialog.innerText();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  return details;
}

/** Presses a button of the letter of one message. */
async function act(page, id, button) {
  await letterRows(page).first().waitFor();
  for (let index = 0; index < (await letterRows(page).count()); index += 1) {
    if (!(await show(page, index)).includes(id)) continue;
    await letterRows(page).nth(index).getByRole("button", { name: button }).click();
    return;
  }
  throw new Error(`no dead letter of ${id}`);
}
