/**
 * The real binary and real browsers: started for a journey, ended with it. SERVER_URL names one that runs by itself instead.
 * Invariant: what a page complains of (policy, errors nobody caught) fails the journey that caused it.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { chromium } from "playwright-core";

import { startFront } from "./front.mjs";

const BINARY = process.env.SERVER_BINARY ?? new URL("../../../target/debug/dynamowave", import.meta.url).pathname;
const RUNNING = process.env.SERVER_URL;
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** One server over one folder, which can be killed and started again on the same address. */
export class Server {
  #child;
  #front;
  #target = "127.0.0.1:1";
  #address;

  /** `settings` as of its configuration; `fault` makes things go wrong until it is cleared and the server run again. */
  static async start(settings = [], fault = undefined) {
    const server = new Server();
    if (RUNNING !== undefined) {
      if (settings.length > 0 || fault !== undefined) throw new Error("this journey needs a server of its own, without SERVER_URL");
      server.#address = RUNNING;
      if (process.env.PAGES === "dist") server.#front = await startFront(() => new URL(RUNNING).host);
      return server;
    }
    server.settings = settings.flatMap((setting) => ["--set", setting]);
    server.fault = fault;
    server.data = await mkdtemp(join(tmpdir(), "dynamowave-browser-"));
    await server.run("127.0.0.1:0");
    const page = await fetch(server.#address).catch(() => undefined);
    const servesPages = process.env.PAGES !== "dist" && page?.ok === true && (page.headers.get("content-type") ?? "").includes("text/html");
    if (!servesPages) server.#front = await startFront(() => server.#target);
    return server;
  }

  /** What a browser opens. */
  get address() {
    return this.#front?.address ?? this.#address;
  }

  async run(listen = this.#target) {
    if (RUNNING !== undefined) throw new Error("a server that runs by itself is not started by a journey");
    const faults = this.fault === undefined ? [] : ["--fault", this.fault];
    const child = spawn(BINARY, ["serve", "--data", this.data, "--listen", listen, ...this.settings, ...faults], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.log = "";
    child.stderr.on("data", (chunk) => (this.log += chunk));
    const line = await new Promise((resolve, reject) => {
      child.stdout.once("data", (chunk) => resolve(String(chunk)));
      child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${this.log}`)));
    });
    this.#address = line.match(/https?:\/\/[^\s/]+/)[0];
    this.#target = new URL(this.#address).host;
  }

  kill() {
    if (RUNNING !== undefined) throw new Error("a server that runs by itself is not killed by a journey");
    return new Promise((resolve) => {
      this.#child.removeAllListeners("exit");
      this.#child.once("exit", resolve);
      this.#child.kill("SIGKILL");
    });
  }

  async end() {
    if (RUNNING !== undefined) return this.#front?.close();
    await this.kill();
    this.#front?.close();
    await rm(this.data, { recursive: true, force: true });
  }
}

export async function launch() {
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
}

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const DESKTOP = { viewport: { width: 1280, height: 800 } };

/** A person's browser: its own cookies and tables. `complaints` gathers what must not happen. */
export async function open(browser, server, { phone = false, dark = false, ...more } = {}) {
  const context = await browser.newContext({
    ...(phone ? PHONE : DESKTOP), colorScheme: dark ? "dark" : "light", locale: "en-GB", reducedMotion: "reduce", baseURL: server.address, ...more,
  });
  const page = await context.newPage();
  const complaints = [];
  watch(page, complaints);
  return { context, page, complaints };
}

export function watch(page, complaints) {
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    if (/Content Security Policy|Trusted|Refused to/.test(text)) complaints.push(text);
    else if (message.type() === "error" && !/Failed to load resource|WebSocket connection to|ERR_/.test(text)) complaints.push(`console: ${text}`);
  });
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
}

// ---- what people do ----

export const PASSWORD = "correct horse battery";

/** By the form at `path`: the address of registering, of an invitation, or, on a new server, any. */
export async function register(page, username, displayName, path = "/register") {
  await page.goto(path);
  await page.getByLabel("Your name").fill(displayName);
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: /create/i }).click();
  await page.locator("textarea").waitFor();
}

export async function logIn(page, username, password = PASSWORD) {
  await page.goto("/login");
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("navigation").first().waitFor();
}

/** The first account and its channel, and a second person in it. Gives both, and the channel's id. */
export async function twoPeople(browser, server) {
  const ada = await open(browser, server);
  await register(ada.page, "ada", "Ada Lovelace", "/");
  const bob = await open(browser, server);
  await register(bob.page, "bob", "Bob");
  return { ada, bob, id: new URL(ada.page.url()).pathname.split("/")[2] };
}

export async function send(page, text) {
  const field = page.locator("textarea").first();
  await field.fill(text);
  await field.press("Enter");
}

export function message(page, text) {
  return page.locator("[data-row]").filter({ hasText: text });
}

export async function appears(page, text, timeout = 10_000) {
  await message(page, text).first().waitFor({ timeout });
}

/** The texts of the messages in view, in order. */
export async function texts(page) {
  return page.locator("[data-row]").evaluateAll((rows) => rows.map((row) => row.querySelector("p")?.textContent ?? ""));
}

export async function until(check, what, timeoutMs = 10_000) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    if (await check()) return;
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await pause(50);
  }
}

/** Requests as the person who is logged in; refusals are errors. */
export async function api(page, method, path, body) {
  const { status, text } = await request(page, method, path, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

/** The same, with whatever the answer of the server is: nothing that the browser kept. */
export async function request(page, method, path, body) {
  return page.evaluate(
    async ([verb, where, data]) => {
      const response = await fetch(where, {
        method: verb,
        cache: "no-store",
        ...(data === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(data) }),
      });
      return { status: response.status, text: await response.text() };
    },
    [method, path, body],
  );
}
