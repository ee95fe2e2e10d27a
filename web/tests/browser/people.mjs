/**
 * People: coming by a link, a face and a status that others see, logins that end elsewhere, and what an owner may do
 * to accounts.
 */
import assert from "node:assert/strict";

import { api, appears, logIn, open, PASSWORD, register, request, send, until } from "./harness.mjs";
import { draw, face, png } from "./pictures.mjs";

const NEW_PASSWORD = "lovely weather today";
const GIVEN_PASSWORD = "given by the owner";

/** Nobody comes in without a link. */
people.settings = ["registration.policy=invite"];

export async function people({ browser, server }) {
  const ada = await open(browser, server, { permissions: ["clipboard-read", "clipboard-write"] });
  await register(ada.page, "ada", "Ada Lovelace", "/");
  const bob = await open(browser, server);
  await uninvited(bob.page);
  await invited(ada.page, bob.page);
  await profile(browser, ada.page, bob.page);
  const phone = await open(browser, server, { phone: true });
  await logins(bob.page, phone.page);
  await ownPassword(bob.page, phone.page);
  await administered(ada.page, bob.page, phone.page);
  return [ada, bob, phone];
}

async function uninvited(page) {
  await page.goto("/login");
  await page.getByText("Ask somebody for an invitation link").waitFor();
  const refused = await request(page, "POST", "/v1/accounts", { username: "eve", password: PASSWORD });
  assert.equal(refused.status, 403);
  await page.goto("/join/0000000000000000");
  await page.getByLabel("Username").fill("eve");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: /create/i }).click();
  await page.getByRole("alert").getByText(/invitation/i).waitFor();
}

/** A link is made, copied, opened by somebody else, good for one person, and not shown again. */
async function invited(page, other) {
  await page.goto("/settings/invitations");
  await page.getByRole("button", { name: "Make a link" }).click();
  const link = await page.getByRole("status").locator("code").innerText();
  await page.getByRole("button", { name: "Copy", exact: true }).click();
  await page.getByText("Copied").first().waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), link);
  await page.getByText("Good for 1 more person").waitFor();
  await register(other, "bob", "Bob", new URL(link).pathname);
  await send(other, "Thanks for the link");
  await page.reload();
  await page.getByText("There are none.").waitFor();
  await page.getByRole("link", { name: /General/ }).first().click();
  await appears(page, "Thanks for the link");
  await page.goto("/settings/invitations");
  await page.getByRole("button", { name: "Make a link" }).click();
  await page.getByRole("button", { name: "Take back" }).click();
  await page.getByText("There are none.").waitFor();
}

/** Name, picture and status, changed on the settings page, are seen by the other side. */
async function profile(browser, page, other) {
  await other.goto("/settings/profile");
  const section = (name) => other.getByRole("heading", { name, level: 2 }).locator("xpath=ancestor::section[1]");
  await section("Name").getByLabel("Your name").fill("Bob the Builder");
  await section("Name").getByRole("button", { name: "Save" }).click();
  await other.locator("input[type=file]").setInputFiles(png("me.png", await draw(browser, face(30, "short"), 256, 256)));
  await section("Picture").locator("img").waitFor();
  await section("Status").getByLabel("Status text").fill("Building a bridge");
  await section("Status").getByRole("button", { name: "Save" }).click();
  await until(async () => (await api(other, "GET", "/v1/account")).status?.text === "Building a bridge", "the status is kept");
  await page.reload();
  await page.getByRole("link", { name: /General/ }).first().click();
  await page.getByRole("button", { name: "Members", exact: true }).click();
  const row = page.getByRole("region", { name: "Members" }).getByRole("listitem").filter({ hasText: "Bob the Builder" });
  await row.getByText("Building a bridge").waitFor();
  await until(() => row.locator("img").evaluate((image) => image.naturalWidth > 0), "the picture is seen");
}

/** Both logins are listed; ending one asks that device to log in again. */
async function logins(page, phone) {
  await logIn(phone, "bob");
  await page.goto("/settings/security");
  const others = page.getByRole("button", { name: /^End the login of/ });
  await others.waitFor();
  assert.equal(await others.count(), 1, "one's own login is not offered");
  await page.getByText("This one").waitFor();
  await others.click();
  await until(async () => (await others.count()) === 0, "the list is without it");
  await phone.getByText("Your login has ended").waitFor({ timeout: 20_000 });
  assert.equal((await request(phone, "GET", "/v1/account")).status, 401);
  assert.equal((await request(page, "GET", "/v1/account")).status, 200);
}

/** A new password ends the other logins, and is the one that counts. */
async function ownPassword(page, phone) {
  await logIn(phone, "bob");
  const change = async (current) => {
    await page.getByLabel("Current password").fill(current);
    await page.getByLabel("New password").fill(NEW_PASSWORD);
    await page.getByRole("button", { name: "Change password" }).click();
  };
  await change("not the password");
  await page.getByText("Wrong username or password.").first().waitFor();
  await change(PASSWORD);
  await page.getByText("Password changed").first().waitFor();
  await phone.getByText("Your login has ended").waitFor({ timeout: 20_000 });
  await logIn(phone, "bob", NEW_PASSWORD);
}

/** The owner gives a role, sets a password, disables and enables again. */
async function administered(page, other, phone) {
  await page.goto("/admin/users");
  const row = page.getByRole("row").filter({ hasText: "@bob" });
  const choose = async (name) => {
    await row.getByRole("button", { name: "Actions for Bob the Builder" }).click();
    await page.getByRole("menuitem", { name, exact: true }).click();
  };
  await choose("Make admin");
  await row.getByText("Admin", { exact: true }).waitFor();
  await other.goto("/admin/users");
  await other.getByRole("row").filter({ hasText: "@ada" }).waitFor();
  assert.equal(await other.getByRole("button", { name: "Actions for Ada Lovelace" }).count(), 0, "an admin has no power over the owner");
  await choose("Make member");
  await row.getByText("Member", { exact: true }).waitFor();
  await other.reload();
  await other.getByText("For admins only").waitFor();
  assert.equal((await request(other, "GET", "/v1/admin/users")).status, 403);

  await choose("Set a new password");
  await page.getByRole("dialog").getByLabel("New password").fill(GIVEN_PASSWORD);
  await page.getByRole("dialog").getByRole("button", { name: "Set a new password" }).click();
  await page.getByText("Bob the Builder has a new password.").first().waitFor();
  for (const device of [other, phone]) await device.getByText("Your login has ended").waitFor({ timeout: 20_000 });
  await logIn(other, "bob", GIVEN_PASSWORD);

  await choose("Disable");
  await page.getByRole("alertdialog").getByRole("button", { name: "Disable" }).click();
  await row.getByText("Disabled").waitFor();
  await other.getByText("This account is disabled").waitFor({ timeout: 20_000 });
  await other.getByLabel("Username").fill("bob");
  await other.getByLabel("Password", { exact: true }).fill(GIVEN_PASSWORD);
  await other.getByRole("button", { name: "Log in" }).click();
  await other.getByRole("alert").getByText("This account is disabled").waitFor();
  await choose("Enable");
  await row.getByText("Active").waitFor();
  await logIn(other, "bob", GIVEN_PASSWORD);
}
