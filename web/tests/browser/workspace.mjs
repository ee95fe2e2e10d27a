/**
 * A workspace that looks like one: people with faces, channels, files, answers, reactions, things unread.
 * Made over HTTP, so that it takes a moment and not a minute; who is online is by sockets of a page in the background.
 */
import { open, PASSWORD, register } from "./harness.mjs";
import { draw, face, landscape, pdf } from "./pictures.mjs";

/** As the list of logins shows it. */
const AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:128.0) Gecko/20100101 Firefox/128.0";

/** One person over HTTP, by token. */
export class Person {
  static async register(server, username, displayName) {
    const person = new Person(server);
    const { userId, token } = await person.post("/v1/accounts", { username, displayName, password: PASSWORD });
    return Object.assign(person, { userId, token, username });
  }

  constructor(server) {
    this.server = server;
  }

  async call(method, path, body, type = "application/json") {
    const headers = { "User-Agent": AGENT, ...(this.token === undefined ? {} : { Authorization: `Bearer ${this.token}` }), ...(body === undefined ? {} : { "Content-Type": type }) };
    const answer = await fetch(`${this.server.address}${path}`, { method, headers, body: type === "application/json" && body !== undefined ? JSON.stringify(body) : body });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  post(path, body = {}) {
    return this.call("POST", path, body);
  }

  /** Gives the `seq` of the message. */
  async say(conversationId, body, more = {}) {
    const { event, seq } = await this.post(`/v1/conversations/${conversationId}/messages`, { body, ...more });
    return event?.seq ?? seq ?? (await this.last(conversationId));
  }

  async last(conversationId) {
    return (await this.call("GET", `/v1/conversations/${conversationId}`)).headSeq;
  }

  async upload(name, bytes) {
    return (await this.call("POST", `/v1/attachments?name=${encodeURIComponent(name)}`, bytes, "application/octet-stream")).attachmentId;
  }

  react(conversationId, seq, emoji) {
    return this.call("PUT", `/v1/conversations/${conversationId}/messages/${seq}/reactions/${encodeURIComponent(emoji)}`);
  }

  read(conversationId, seq) {
    return this.call("PUT", `/v1/conversations/${conversationId}/marks`, { readSeq: seq });
  }
}

const PEOPLE = [
  ["grace", "Grace Hopper", 20, "short", { emoji: "🐛", text: "Looking for moths" }],
  ["alan", "Alan Turing", 210, "short", undefined],
  ["hedy", "Hedy Lamarr", 300, "long", { emoji: "📻", text: "Hopping frequencies" }],
  ["katherine", "Katherine Johnson", 150, "long", { emoji: "🚀", text: "Checking the numbers" }],
  ["margaret", "Margaret Hamilton", 50, "long", undefined],
  ["edsger", "Edsger Dijkstra", undefined, undefined, undefined],
];

/** Gives the owner's browser, the id of the main conversation, and everybody by name. */
export async function furnish(browser, server) {
  const ada = await open(browser, server);
  await register(ada.page, "ada", "Ada Lovelace", "/");
  const id = new URL(ada.page.url()).pathname.split("/")[2];
  const owner = new Person(server);
  Object.assign(owner, { token: (await owner.post("/v1/sessions", { username: "ada", password: PASSWORD })).token });
  owner.userId = (await owner.call("GET", "/v1/account")).userId;
  await owner.call("PUT", "/v1/account/avatar", await draw(browser, face(330, "long"), 256, 256), "image/png");
  await owner.call("PATCH", "/v1/account", { status: { emoji: "✍️", text: "Writing notes" } });
  const people = { ada: owner };
  for (const [username, name, hue, hair, status] of PEOPLE) {
    const person = await Person.register(server, username, name);
    people[username] = person;
    if (hue !== undefined) await person.call("PUT", "/v1/account/avatar", await draw(browser, face(hue, hair), 256, 256), "image/png");
    if (status !== undefined) await person.call("PATCH", "/v1/account", { status });
    await person.post(`/v1/conversations/${id}/join`);
  }
  await beside(people);
  await talk(browser, people, id);
  const crowd = await present(browser, server, [people.grace, people.hedy, people.katherine]);
  return { ada, id, people, crowd };
}

/** The conversation that is looked at. */
async function talk(browser, { ada, grace, alan, hedy, katherine, margaret, edsger }, id) {
  const first = await ada.say(id, "Good morning! Shall we look at the **release notes** before lunch?");
  await grace.say(id, "Yes. I have three things:\n\n1. the outbox survives a reload\n2. unread counts agree everywhere\n3. search finds it all again", { replyTo: first });
  const query = await alan.say(id, "The query I used:\n\n```sql\nSELECT seq, body FROM events\nWHERE conversation = 'general' AND seq > 41;\n```");
  await hedy.say(id, "From yesterday’s walk, for the start page:", {
    attachmentIds: [
      await hedy.upload("harbour.png", await draw(browser, landscape(1200, 800, 200), 1200, 800)),
      await hedy.upload("evening.png", await draw(browser, landscape(1200, 800, 20), 1200, 800)),
    ],
  });
  const hills = await ada.last(id);
  await katherine.say(id, "The numbers agree to the last digit.", { attachmentIds: [await katherine.upload("orbit.pdf", pdf("Orbit"))] });
  await ada.say(id, "Lovely. See <https://example.org/notes> for the draft.\n\n> nothing is lost, nothing comes twice");
  await margaret.say(id, "@ada you are up at three, right?", { mentions: [ada.userId] });
  await alan.say(id, "I’ll bring the tea 🫖");
  for (const [who, seq, emoji] of [[grace, first, "👍"], [alan, first, "👍"], [hedy, first, "🎉"], [grace, query, "🚀"], [ada, hills, "😍"], [margaret, hills, "😍"], [alan, hills, "🌅"]]) {
    await who.react(id, seq, emoji);
  }
  for (const who of [grace, alan, hedy, katherine, margaret, edsger]) await who.read(id, await ada.last(id));
  await ada.read(id, await ada.last(id));
}

/** What else is in the list: pinned, muted, unread, mentioned, drafted. */
async function beside({ ada, grace, alan, hedy, katherine, margaret, edsger }) {
  const channel = async (title, description, members) =>
    (await ada.post("/v1/conversations", { kind: "channel", title, description, memberIds: members.map(({ userId }) => userId) })).conversationId;
  const random = await channel("Random", "Everything else", [grace, alan, hedy]);
  await grace.say(random, "Who finished the green tea? There is only mint left.");
  await hedy.say(random, "Did somebody leave a piano in the kitchen?");
  await ada.read(random, await ada.last(random));
  await ada.call("PATCH", `/v1/conversations/${random}/preferences`, { muted: true });
  const design = await channel("Design", "How it looks and feels", [hedy, margaret]);
  await margaret.say(design, "The new colours pass every contrast check.");
  await hedy.say(design, "@ada have a look at the dark ones?", { mentions: [ada.userId] });
  const lunch = (await alan.post("/v1/conversations", { kind: "group", title: "Lunch", memberIds: [ada.userId, edsger.userId] })).conversationId;
  await edsger.say(lunch, "The shortest way leads to the noodle place.");
  await alan.say(lunch, "Only if there is tea afterwards.");
  await ada.read(lunch, await ada.last(lunch));
  await ada.say(lunch, "See you there at noon");
  const release = await channel("Release train", "What leaves when", [grace, katherine, alan]);
  await ada.call("PATCH", `/v1/conversations/${release}/preferences`, { pinned: true });
  await katherine.say(release, "Cake and **tea** when it has left.");
  await katherine.say(release, "Version 0.1 leaves on Friday.");
  await ada.read(release, await ada.last(release));
  const direct = (await grace.post("/v1/conversations", { kind: "direct", memberIds: [ada.userId] })).conversationId;
  await grace.say(direct, "Do you have a minute?");
  await grace.say(direct, "It is about the moth.");
  const other = (await katherine.post("/v1/conversations", { kind: "direct", memberIds: [ada.userId] })).conversationId;
  await ada.say(other, "Thank you for checking!");
}

/** One of those present says something by their socket. */
export function speak({ page }, index, conversationId, body) {
  return page.evaluate(
    ([number, conversation, text]) => {
      const { sockets } = window;
      sockets[number % sockets.length].send(JSON.stringify({ action: "sendMessage", ref: 1, conversationId: conversation, body: text }));
    },
    [index, conversationId, body],
  );
}

/** These people are online while the page is open. */
async function present(browser, server, people) {
  const crowd = await open(browser, server);
  await crowd.page.goto("/healthz");
  for (const person of people) {
    const { ticket } = await person.post("/v1/tickets");
    await crowd.page.evaluate(
      (address) =>
        new Promise((resolve, reject) => {
          const socket = new WebSocket(address, "dynamowave.v1");
          (window.sockets ??= []).push(socket);
          socket.onopen = () => socket.send(JSON.stringify({ action: "sync", cursors: {} }));
          socket.onmessage = ({ data }) => (JSON.parse(data).type === "synced" ? resolve() : undefined);
          socket.onerror = reject;
          setInterval(() => socket.send(JSON.stringify({ action: "ping" })), 20_000);
        }),
      `${server.address.replace("http", "ws")}/v1/ws?ticket=${ticket}`,
    );
  }
  return crowd;
}
