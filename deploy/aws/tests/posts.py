"""The way of posts to sockets, on this machine: passes them on, notes each, and says 429 when it is told to.

Knows no frame. Invariant: listens on loopback alone, and ends with the block that started it.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Posts:
    """What passed, and what is to be refused."""

    upstream: str
    url: str = ""
    # Sockets in the order of their first post.
    sockets: list[str] = field(default_factory=list)
    # Status of each post, by socket.
    statuses: dict[str, list[int]] = field(default_factory=dict)
    _throttled: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def throttle(self, socket: str, posts: int) -> None:
        """Refuses so many posts to a socket."""
        with self._lock:
            self._throttled[socket] = posts

    def count(self, socket: str, status: int) -> int:
        """How many posts to a socket had this status."""
        with self._lock:
            return self.statuses.get(socket, []).count(status)

    def is_refused(self, socket: str) -> bool:
        with self._lock:
            left = self._throttled.get(socket, 0)
            self._throttled[socket] = max(left - 1, 0)
            return left > 0

    def note(self, socket: str, status: int) -> None:
        with self._lock:
            if socket not in self.statuses:
                self.sockets.append(socket)
            self.statuses.setdefault(socket, []).append(status)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    posts: Posts

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        socket = urllib.parse.unquote(self.path.rsplit("/", 1)[-1])
        if self.command == "POST" and self.posts.is_refused(socket):
            self.posts.note(socket, 429)
            self._answer(429, [("x-amzn-errortype", "LimitExceededException")], b'{"message":"Too Many Requests"}')
            return
        upstream = http.client.HTTPConnection(urllib.parse.urlsplit(self.posts.upstream).netloc, timeout=60)
        try:
            # As it was signed.
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        if self.command == "POST":
            self.posts.note(socket, answer.status)
        kept = [(name, value) for name, value in answer.getheaders() if name.lower().startswith(("x-amz", "content-type"))]
        self._answer(answer.status, kept, content)

    do_DELETE = do_GET = do_POST

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in (*headers, ("content-length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def passing(upstream: str) -> Iterator[Posts]:
    """A way to an emulator, for the length of a block."""
    posts = Posts(upstream)
    handler = type("Handler", (_Handler,), {"posts": posts})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    posts.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield posts
    finally:
        server.shutdown()
        server.server_close()
