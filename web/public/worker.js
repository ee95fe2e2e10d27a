/**
 * Service worker: the app's own files, for a start without a network.
 * Keeps nothing of what people say: requests to /v1/ pass by untouched. What is kept of conversations is in IndexedDB.
 */
const CACHE = "dynamowave-files-1";
const PAGE = "/index.html";

/** Beyond this many files those kept first go: they belong to versions long gone. */
const FILES_MAX = 300;

self.addEventListener("install", (event) => {
  event.waitUntil(install());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(activate());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin || isServers(url.pathname)) return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (url.pathname.startsWith("/assets/")) event.respondWith(kept(request));
  else event.respondWith(fetch(request).catch(() => keptOr(request)));
});

/** A page that was there before the worker names what it loaded. */
self.addEventListener("message", (event) => {
  const { type, paths } = event.data ?? {};
  if (type === "keep" && Array.isArray(paths)) event.waitUntil(keep(paths));
});

/** A click on a notification brings the conversation forward. */
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.data?.path ?? "/"));
});

/** What the server answers itself. */
function isServers(path) {
  return path.startsWith("/v1/") || path === "/healthz" || path === "/readyz" || path === "/metrics";
}

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll([PAGE, ...(await filesOf(await fetch(PAGE, { cache: "no-cache" })))]);
  await self.skipWaiting();
}

/** The files that the page names; lazy ones are kept when they are first asked for. */
async function filesOf(response) {
  const text = await response.text();
  return [...text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1]).filter((path) => !isServers(path));
}

async function activate() {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
  await self.clients.claim();
}

/** The newest page if the server can be reached, else the one that is kept; and with a new page, its files. */
async function page(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok && (response.headers.get("content-type") ?? "").includes("text/html")) await renew(cache, response.clone());
    return response;
  } catch {
    return (await cache.match(PAGE)) ?? Response.error();
  }
}

async function renew(cache, response) {
  const old = await (await cache.match(PAGE))?.text();
  const copy = response.clone();
  if (old === (await response.text())) return;
  const files = await filesOf(copy.clone());
  await cache.put(PAGE, copy);
  await Promise.all(files.map((file) => cache.match(file).then((hit) => hit ?? cache.add(file).catch(() => undefined))));
  const keys = await cache.keys();
  await Promise.all(keys.slice(0, Math.max(0, keys.length - FILES_MAX)).map((key) => cache.delete(key)));
}

/** Names under /assets/ carry their content's hash: what is kept is right. */
async function kept(request) {
  const cache = await caches.open(CACHE);
  const hit = await cache.match(request);
  if (hit !== undefined) return hit;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
}

async function keep(paths) {
  const cache = await caches.open(CACHE);
  const files = paths.filter((path) => typeof path === "string" && path.startsWith("/assets/")).slice(0, FILES_MAX);
  await Promise.all(files.map(async (file) => (await cache.match(file)) ?? cache.add(file).catch(() => undefined)));
}

async function keptOr(request) {
  return (await caches.match(request)) ?? Response.error();
}

async function show(path) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const open = windows[0];
  if (open === undefined) return self.clients.openWindow(path);
  await open.focus();
  open.postMessage({ type: "open", path });
}
