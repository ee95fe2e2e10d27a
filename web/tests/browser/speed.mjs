/**
 * Figures, not verdicts: how soon it can be used, how smoothly it scrolls through 100,000 messages, and whether
 * keystrokes survive a thousand messages in ten seconds. Printed for `docs/web-speed.md`.
 */
import { open, register } from "./harness.mjs";
import { Person } from "./workspace.mjs";

const MESSAGES = Number(process.env.MESSAGES ?? 100_000);
const SENDERS = 4;
/** Messages of one of them that are not accepted yet. */
const IN_FLIGHT = 20;

/** Filling a conversation is not what is measured. */
speed.settings = [
  "limits.sends_per_second=0", "limits.frames_per_second=0", "limits.requests_per_second=0", "limits.queue_age_max_ms=600000",
];

export async function speed({ browser, server, report }) {
  // Animations as people have them.
  const look = { reducedMotion: "no-preference" };
  const ada = await open(browser, server, look);
  await register(ada.page, "ada", "Ada", "/");
  const id = new URL(ada.page.url()).pathname.split("/")[2];
  report(`first visit, until the login can be typed: ${JSON.stringify(await repeat(5, async () => interactive(await open(browser, server, look), "/login")))}`);
  report(`again, until a message can be typed: ${JSON.stringify(await repeat(5, () => interactive(ada, `/c/${id}`)))}`);
  report(`filled with ${MESSAGES} messages in ${Math.round(await crowdedBy(server, id, MESSAGES))} s`);
  report(`the same with ${MESSAGES} messages: ${JSON.stringify(await repeat(5, () => interactive(ada, `/c/${id}`)))}`);
  await ada.page.goto(`/c/${id}`);
  await ada.page.locator("[data-row]").first().waitFor();
  for (const [how, notch] of [["as a hand does", 200], ["as fast as a wheel turns", 900]]) {
    report(`up through ${MESSAGES} messages, ${how}: ${JSON.stringify(await measured(ada, () => scrolled(ada.page, -notch)))}`);
    report(`down again, ${how}: ${JSON.stringify(await measured(ada, () => scrolled(ada.page, notch)))}`);
  }
  await ada.page.goto(`/c/${id}`);
  await ada.page.locator("[data-row]").first().waitFor();
  report(`typing while 1,000 messages arrive in 10 s: ${JSON.stringify(await measured(ada, () => typed(browser, server, ada.page, id)))}`);
  return [ada];
}

/** The middle of several. */
async function repeat(times, run) {
  const all = [];
  for (let index = 0; index < times; index += 1) all.push(await run());
  const names = Object.keys(all[0]);
  const middle = (name) => all.map((one) => one[name]).sort((a, b) => a - b)[Math.floor(times / 2)];
  return Object.fromEntries(names.map((name) => [name, middle(name)]));
}

/** Milliseconds from the beginning of the navigation until the first field is there and takes a keystroke. */
async function interactive({ page }, path) {
  await page.addInitScript(() => {
    const observer = new MutationObserver(() => {
      if (window.usableAt !== undefined || document.querySelector("textarea, input:not([hidden])") === null) return;
      // The next task: what the browser does after it has drawn the field.
      requestAnimationFrame(() => setTimeout(() => (window.usableAt ??= performance.now())));
    });
    observer.observe(document, { childList: true, subtree: true });
  });
  await page.goto(path);
  await page.locator("textarea, input:not([hidden])").first().waitFor();
  await page.waitForFunction(() => window.usableAt !== undefined);
  return page.evaluate(() => {
    const [navigation] = performance.getEntriesByType("navigation");
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    return { usableMs: Math.round(window.usableAt), firstPaintMs: Math.round(paint?.startTime ?? 0), domMs: Math.round(navigation.domInteractive) };
  });
}

/** Several people fill a conversation, each as fast as it is accepted. Seconds it took. */
async function crowdedBy(server, id, count) {
  const people = [];
  for (let index = 0; index < SENDERS; index += 1) {
    const person = await Person.register(server, `sender${index}`, `Sender ${index}`);
    await person.post(`/v1/conversations/${id}/join`);
    people.push(person);
  }
  const started = Date.now();
  let sent = 0;
  // Over HTTP: a page that sends all the time reads too slowly what the others send.
  const one = async (person) => {
    while (sent < count) await person.post(`/v1/conversations/${id}/messages`, { body: textOf((sent += 1)) });
  };
  await Promise.all(people.flatMap((person) => Array.from({ length: IN_FLIGHT }, () => one(person))));
  return (Date.now() - started) / 1000;
}

/** One line, two lines, blocks of code. */
function textOf(number) {
  if (number % 17 === 0) return `Message ${number}: see \`seq\` and **rev**\n\n\`\`\`sql\nSELECT seq FROM events WHERE seq > ${number};\n\`\`\``;
  if (number % 5 === 0) return `Message ${number} with _some_ words in it, and enough of them that they need a second line on most windows, which is how people write when they explain something.`;
  return `Message ${number} with some words in it.`;
}

/**
 * Messages by one socket: as fast as they are accepted, or one each `everyMs`. From inside a page, by its cookie or by
 * a ticket.
 */
export function fill(page, conversationId, count, everyMs = 0, ticket = undefined) {
  return page.evaluate(
    ([conversation, texts, pauseMs, pass]) =>
      new Promise((resolve, reject) => {
        const query = pass === undefined || pass === null ? "" : `?ticket=${pass}`;
        const socket = new WebSocket(`${location.origin.replace("http", "ws")}/v1/ws${query}`, "dynamowave.v1");
        let sent = 0;
        let accepted = 0;
        const total = texts.length;
        const one = () => {
          sent += 1;
          socket.send(JSON.stringify({ action: "sendMessage", ref: sent, conversationId: conversation, body: texts[sent - 1] }));
        };
        socket.onopen = () => {
          socket.send(JSON.stringify({ action: "sync", cursors: {} }));
          if (pauseMs === 0) for (let index = 0; index < Math.min(20, total); index += 1) one();
          else {
            const started = performance.now();
            const timer = setInterval(() => {
              // A timer that is late catches up, so that it is so many in so long.
              while (sent < total && sent < (performance.now() - started) / pauseMs) one();
              if (sent >= total) clearInterval(timer);
            }, pauseMs);
          }
        };
        socket.onclose = ({ code }) => reject(new Error(`the socket was closed with ${code} after ${accepted} of ${total}`));
        socket.onmessage = ({ data }) => {
          if (data.startsWith('{"type":"event')) return;
          const frame = JSON.parse(data);
          if (frame.type === "rejected") setTimeout(() => ((sent -= 1), one()), (frame.retryAfterMs ?? 100) + 20);
          if (frame.type !== "accepted") return;
          accepted += 1;
          if (accepted >= total) {
            resolve();
            socket.close();
          } else if (pauseMs === 0 && sent < total) one();
        };
      }),
    [conversationId, Array.from({ length: count }, (_, index) => textOf(index + 1)), everyMs, ticket],
  );
}

/** Runs something and tells what the page did meanwhile: frames, tasks, and where its time went. */
async function measured({ context, page }, run) {
  const session = await context.newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "timeTicks" });
  await page.evaluate(() => {
    const meter = { frames: [], tasks: [], over: false };
    window.meter = meter;
    const tick = (at) => {
      meter.frames.push(at);
      if (!meter.over) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    meter.observer = new PerformanceObserver((list) => meter.tasks.push(...list.getEntries().map((entry) => Math.round(entry.duration))));
    meter.observer.observe({ type: "longtask" });
  });
  const before = await metrics(session);
  const result = await run();
  const after = await metrics(session);
  const { frames, tasks } = await page.evaluate(() => {
    window.meter.over = true;
    window.meter.observer.disconnect();
    return { frames: window.meter.frames, tasks: window.meter.tasks };
  });
  await session.detach();
  const gaps = frames.slice(1).map((at, index) => at - frames[index]).sort((a, b) => a - b);
  const at = (part) => Math.round((gaps[Math.floor(gaps.length * part)] ?? 0) * 10) / 10;
  const perFrame = (name) => Math.round(((after[name] - before[name]) * 1000 * 100) / frames.length) / 100;
  return {
    ...result,
    framesPerSecond: Math.round((frames.length * 1000) / (frames.at(-1) - frames[0])),
    frameMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    longTasksMs: tasks,
    msPerFrame: { script: perFrame("ScriptDuration"), layout: perFrame("LayoutDuration"), style: perFrame("RecalcStyleDuration"), allTasks: perFrame("TaskDuration") },
  };
}

async function metrics(session) {
  const { metrics: list } = await session.send("Performance.getMetrics");
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

/** The wheel, for eight seconds, a notch each frame. */
async function scrolled(page, notch) {
  const box = await page.locator("[role=log]").boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const seqOf = () => page.locator("[data-row]").first().getAttribute("data-seq");
  const from = Number(await seqOf());
  const end = Date.now() + 8_000;
  while (Date.now() < end) {
    await page.mouse.wheel(0, notch);
    await page.waitForTimeout(16);
  }
  return { messagesPassed: Math.abs(Number(await seqOf()) - from) };
}

/** Keys one after the other while others talk. */
async function typed(browser, server, page, id) {
  const person = await Person.register(server, "talker", "Talker");
  await person.post(`/v1/conversations/${id}/join`);
  const other = await open(browser, server);
  await other.page.goto("/healthz");
  const { ticket } = await person.post("/v1/tickets");
  const field = page.locator("textarea").first();
  await field.fill("");
  const heard = await page.evaluate(() => {
    window.lags = [];
    const element = document.querySelector("textarea");
    // From the key until the frame that shows it.
    element.addEventListener("keydown", ({ timeStamp }) => requestAnimationFrame(() => setTimeout(() => window.lags.push(performance.now() - timeStamp))));
    return element !== null;
  });
  if (!heard) throw new Error("no field to type in");
  const started = Date.now();
  const arriving = fill(other.page, id, 1_000, 10, ticket).then(() => Date.now() - started);
  const text = "the quick brown fox jumps over the lazy dog ".repeat(5);
  await field.pressSequentially(text, { delay: 40 });
  const allKept = (await field.inputValue()) === text;
  const arrivedInMs = await arriving;
  await other.context.close();
  const lags = (await page.evaluate(() => window.lags)).sort((a, b) => a - b);
  const at = (part) => Math.round(lags[Math.floor(lags.length * part)] ?? 0);
  return { keystrokes: text.length, allKept, keyToFrameMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99) }, arrivedInMs };
}
