/**
 * The pages as the binary serves them, in front of a binary that was built without them: files of `dist/`, the same
 * policy, everything of `/v1/` handed on. Knows nothing of the app.
 */
import { readFile } from "node:fs/promises";
import { createServer, request as httpRequest } from "node:http";
import { extname } from "node:path";

export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; " +
  "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const TYPES = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png",
  ".webmanifest": "application/manifest+json", ".json": "application/json", ".woff2": "font/woff2",
};

const dist = new URL("../../dist/", import.meta.url);

/** Starts it before `target` (host:port, which may change: a function); gives the address and an end. */
export async function startFront(target) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://front");
    if (/^\/(v1\/|healthz|readyz|metrics)/.test(pathname)) return pass(target(), request, response);
    serveFile(pathname, response).catch(() => response.writeHead(500).end());
  });
  server.on("upgrade", (request, socket, head) => tunnel(target(), request, socket, head));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

async function serveFile(pathname, response) {
  const isFile = extname(pathname) !== "" && !pathname.includes("..");
  const body = isFile ? await readFile(new URL(`.${pathname}`, dist)).catch(() => undefined) : undefined;
  if (isFile && body === undefined) return response.writeHead(404).end();
  const cache = pathname.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
  const headers = { "Content-Type": TYPES[isFile ? extname(pathname) : ".html"] ?? "application/octet-stream", "Cache-Control": cache };
  response.writeHead(200, { ...headers, "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff" });
  response.end(body ?? (await readFile(new URL("index.html", dist))));
}

function pass(target, request, response) {
  const [host, port] = target.split(":");
  const onward = httpRequest({ host, port, method: request.method, path: request.url, headers: request.headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
  request.pipe(onward);
}

function tunnel(target, request, socket, head) {
  const [host, port] = target.split(":");
  const onward = httpRequest({ host, port, method: "GET", path: request.url, headers: request.headers });
  const end = () => socket.destroy();
  onward.on("error", end);
  onward.on("response", end);
  onward.on("upgrade", (answer, peer, peerHead) => {
    const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}`);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
    if (peerHead.length > 0) socket.write(peerHead);
    if (head.length > 0) peer.write(head);
    peer.pipe(socket).pipe(peer);
    for (const one of [peer, socket]) one.on("error", () => [peer, socket].forEach((other) => other.destroy()));
    for (const one of [peer, socket]) one.on("close", () => [peer, socket].forEach((other) => other.destroy()));
  });
  onward.end();
}
