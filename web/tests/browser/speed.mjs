/**
 * Figures, not verdicts: how soon it can be used, how smoothly it scrolls through 100,000 messages, and whether
 * keystrokes survive a thousand messages in ten seconds. Printed for `docs/benchmarks.md`.
 */
import { api, open, register } from "./harness.mjs";

const MESSAGES = Number(process.env.MESSAGES ?? 5_000);

export async function speed({ browser, server, report }) {
  const ada = await open(browser, server);
  await register(ada.page, "ada", "Ada", "/");
  const id = new URL(ada.page.url()).pathname.split("/")[2];
  report(`time to interactive, first visit: ${await interactive(await open(browser, server), "/login")} ms`);
  report(`time to interactive, again: ${await interactive(ada, `/c/${id}`)} ms`);
  await fill(ada.page, id, MESSAGES);
  await ada.page.goto(`/c/${id}`);
  await ada.page.locator("[data-row]").first().waitFor();
  report(`scrolling through ${MESSAGES} messages: ${JSON.stringify(await scroll(ada.page))}`);
  report(`typing during 1,000 messages in 10 s: ${JSON.stringify(await typing(ada.page, id))}`);
  return [ada];
}

/** Filling a conversation is not what is measured. */
speed.settings = ["limits.sends_per_second=100000", "limits.send_burst=100000"];

async function interactive({ page }, path) {
  await page.goto(path);
  const field = page.locator("textarea, input:not([type=file])").first();
  await field.waitFor();
  return page.evaluate(() => Math.round(performance.now()));
}

/** Messages by one socket, as fast as they are accepted, from inside the page, which has the cookie. */
export function fill(page, conversationId, count, everyMs = 0) {
  return page.evaluate(
    ([conversation, total, pauseMs]) =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${location.origin.replace("http", "ws")}/v1/ws`, "dynamowave.v1");
        let sent = 0;
        let accepted = 0;
        const one = () => {
          sent += 1;
          socket.send(JSON.stringify({ action: "sendMessage", ref: sent, conversationId: conversation, body: `Message ${sent} with some words in it.` }));
        };
        socket.onopen = () => {
          socket.send(JSON.stringify({ action: "sync", cursors: {} }));
          if (pauseMs === 0) for (let index = 0; index < 20; index += 1) one();
          else {
            const timer = setInterval(() => (sent < total ? one() : clearInterval(timer)), pauseMs);
          }
        };
        socket.onmessage = ({ data }) => {
          const frame = JSON.parse(data);
          if (frame.type === "rejected") setTimeout(() => ((sent -= 1), one()), (frame.retryAfterMs ?? 100) + 20);
          if (frame.type !== "accepted") return;
          accepted += 1;
          if (accepted >= total) {
            socket.close();
            resolve();
          } else if (pauseMs === 0 && sent < total) one();
        };
      }),
    [conversationId, count, everyMs],
  );
}

/** Wheels upwards for five seconds and counts the frames. */
async function scroll(page) {
  const rows = page.locator("[role=log]");
  const box = await rows.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.evaluate(() => {
    window.frames_ = [];
    const tick = (at) => {
      window.frames_.push(at);
      if (window.frames_.length < 10_000) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  const end = Date.now() + 5_000;
  while (Date.now() < end) {
    await page.mouse.wheel(0, -900);
    await page.waitForTimeout(16);
  }
  return page.evaluate(() => {
    const gaps = window.frames_.slice(1).map((at, index) => at - window.frames_[index]).sort((a, b) => a - b);
    const at = (part) => Math.round(gaps[Math.floor(gaps.length * part)] * 10) / 10;
    return { framesPerSecond: Math.round(gaps.length / 5), p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
  });
}

async function typing(page, id) {
  const field = page.locator("textarea").first();
  await field.fill("");
  const arriving = fill(page, id, 1_000, 10);
  const text = "the quick brown fox jumps over the lazy dog ".repeat(4);
  const started = Date.now();
  await field.pressSequentially(text, { delay: 40 });
  const tookMs = Date.now() - started;
  const kept = (await field.inputValue()) === text;
  await arriving;
  return { keystrokes: text.length, allKept: kept, msPerKeystroke: Math.round(tookMs / text.length) };
}
