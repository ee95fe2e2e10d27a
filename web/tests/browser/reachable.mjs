/**
 * Without a mouse, without motion, without a browser's frame: everything by keyboard, nothing moves for who asked for
 * that, and the app can be installed.
 */
import assert from "node:assert/strict";

import { api, appears, logIn, message, open, send, twoPeople, until } from "./harness.mjs";

const PATHS = ["/", "/channels", "/search?q=tea", "/settings/profile", "/settings/appearance", "/settings/notifications", "/settings/security",
  "/settings/invitations", "/admin/overview", "/admin/users", "/admin/conversations", "/admin/dead-letters"];

/** Tab reaches whatever can be pressed or filled in, on every page, and shows where it is. */
export async function reachable({ browser, server }) {
  const { ada, bob, id } = await twoPeople(browser, server);
  await send(bob.page, "Tea at three?");
  await appears(ada.page, "Tea at three?");
  for (const path of [...PATHS, `/c/${id}`, `/c/${id}?panel=members`]) {
    await ada.page.goto(path);
    await ada.page.waitForLoadState("networkidle");
    assert.deepEqual(await unreached(ada.page), [], `${path}: all by Tab`);
  }
  await withoutMouse(ada.page, bob.page);
  for (let index = 1; index <= 40; index += 1) await api(bob.page, "POST", `/v1/conversations/${id}/messages`, { body: `Biscuit ${index}` });
  await appears(ada.page, "Biscuit 40");
  await whileItMoves(ada.page);
  await still(browser, server);
  await installable(ada.page);
  return [ada, bob];
}

/** What Tab does not come to, or comes to without showing it. */
async function unreached(page) {
  await page.evaluate(() => {
    document.activeElement?.blur();
    window.reached = new Set();
    window.unseen = [];
    document.addEventListener("focusin", async ({ target }) => {
      await undefined;
      window.reached.add(target);
      const ring = (element) => element !== null && (getComputedStyle(element).outlineStyle !== "none" || getComputedStyle(element).boxShadow !== "none");
      // A list of tabs hands it on at once.
      if (document.activeElement !== target) return;
      // A field may show it by the box around it.
      if (!ring(target) && !ring(target.parentElement) && !ring(target.closest("[data-row]"))) window.unseen.push(target.outerHTML.slice(0, 120));
    });
  });
  const count = await page.evaluate(() => document.querySelectorAll("a[href], button, input, select, textarea, [tabindex]").length);
  for (let index = 0; index < count + 10; index += 1) await page.keyboard.press("Tab");
  return page.evaluate(() => {
    const wanted = [...document.querySelectorAll("a[href], button, input, select, textarea")].filter(
      (element) => element.checkVisibility() && !element.disabled && element.tabIndex >= 0 && element.closest("[inert], [aria-hidden=true]") === null,
    );
    const missed = wanted.filter((element) => !window.reached.has(element)).map((element) => `not reached: ${element.outerHTML.slice(0, 120)}`);
    return [...missed, ...window.unseen.map((html) => `not shown: ${html}`)];
  });
}

/** A conversation from the list to an answer, by keys alone. */
async function withoutMouse(page, other) {
  const focusedIs = (selector) => until(() => page.evaluate((wanted) => document.activeElement?.matches(wanted) === true, selector), `the focus is on ${selector}`);
  await page.goto("/settings/profile");
  await page.getByRole("navigation").first().waitFor();
  await page.keyboard.press("Control+k");
  await focusedIs("[role=combobox]");
  await page.keyboard.type("gener");
  await page.getByRole("option", { name: /General/ }).waitFor();
  await page.keyboard.press("Enter");
  await focusedIs("textarea");
  await page.keyboard.press("Shift+Tab");
  while (!(await page.evaluate(() => document.activeElement?.matches("[role=log]")))) await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("ArrowUp");
  await focusedIs("[data-row]");
  assert.match(await page.evaluate(() => document.activeElement.textContent), /Tea at three/u);
  await page.keyboard.press("Tab");
  while (!(await page.evaluate(() => document.activeElement?.getAttribute("aria-label") === "React with 👍"))) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await until(() => message(other, "👍").count(), "the reaction is seen");
  while (!(await page.evaluate(() => document.activeElement?.getAttribute("aria-label") === "More actions"))) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("menu").waitFor();
  for (const _ of [1, 2, 3]) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Escape");
  await page.getByRole("menu").waitFor({ state: "detached" });
  await focusedIs("[aria-label='More actions']");
  while (!(await page.evaluate(() => document.activeElement?.getAttribute("aria-label") === "Reply"))) await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await focusedIs("textarea");
  await page.keyboard.type("At three.");
  await page.keyboard.press("Enter");
  await appears(other, "At three.");
  await page.keyboard.press("Control+k");
  await focusedIs("[role=combobox]");
  await page.keyboard.press("Escape");
  await focusedIs("textarea");
}

/** The pointer reaches messages while they move: who scrolls to a button and presses it at once is heard. */
async function whileItMoves(page) {
  // Where the app itself scrolled last does not count: this is what a person does, when all is still.
  await page.waitForTimeout(1000);
  const reached = await page.evaluate(async () => {
    const log = document.querySelector("[role=log]");
    const { left, top, width, height } = log.getBoundingClientRect();
    const found = [];
    for (let step = 0; step < 10; step += 1) {
      log.scrollTop -= 20;
      await new Promise((resolve) => requestAnimationFrame(resolve));
      found.push(document.elementFromPoint(left + width / 2, top + height / 2)?.closest("[data-row]") != null);
    }
    return found;
  });
  assert.ok(reached.every(Boolean), `at every step: ${reached}`);
}

/** Who asked for less motion sees none: nothing runs that takes longer than a blink. */
async function still(browser, server) {
  const side = await open(browser, server, { reducedMotion: "reduce" });
  await logIn(side.page, "ada");
  await side.page.evaluate(() => {
    window.moved = [];
    const note = ({ target, type }) => window.moved.push(`${type} ${target.className}`);
    for (const type of ["animationstart", "transitionrun"]) document.addEventListener(type, note, true);
  });
  await side.page.keyboard.press("Control+k");
  await side.page.getByRole("combobox").waitFor();
  await side.page.keyboard.press("Escape");
  await side.page.getByRole("button", { name: "Account" }).click();
  await side.page.getByRole("menu").waitFor();
  const long = await side.page.evaluate(() => document.getAnimations().filter((one) => (one.effect?.getComputedTiming().duration ?? 0) > 50).map((one) => one.animationName ?? one.transitionProperty));
  assert.deepEqual(long, [], "nothing moves");
  assert.deepEqual(side.complaints, []);
  await side.context.close();
}

/** The browser itself has nothing against installing it. */
async function installable(page) {
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  const session = await page.context().newCDPSession(page);
  const { errors, data } = await session.send("Page.getAppManifest");
  assert.deepEqual(errors, []);
  const manifest = JSON.parse(data);
  assert.equal(manifest.display, "standalone");
  const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
  // A window without traces of its own is never offered; journeys run in such.
  assert.deepEqual(installabilityErrors.map(({ errorId }) => errorId).filter((error) => error !== "in-incognito"), []);
  await session.detach();
}
