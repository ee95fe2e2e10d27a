"""What stands before the deployed chat, on this machine: pages from a folder, `/v1/*` to the HTTP API and `/v1/ws` to the
WebSocket API, each with the secret header, as the distribution does it.

Knows no frame. Invariant: listens on loopback alone, and ends with the block that started it.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import http.server
import socket
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from people import Chat

SOCKETS = "/v1/ws"
HOP_BY_HOP = {"connection", "host", "keep-alive", "transfer-encoding", "upgrade"}
CHUNK_BYTES = 65_536


class Front(http.server.SimpleHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: object, chat: Chat, pages: Path) -> None:
        self.chat, self.pages = chat, pages
        super().__init__(*arguments, directory=str(pages))  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        path = urllib.parse.urlsplit(self.path).path
        if path == SOCKETS:
            self._tunnel()
        elif path.startswith("/v1/"):
            self._pass_on()
        else:
            # A path that is no file is the app's own, and gets its one page.
            if "." not in path.rsplit("/", 1)[-1]:
                self.path = "/index.html"
            super().do_GET()

    def do_HEAD(self) -> None:
        self.do_GET()

    def _pass_on(self) -> None:
        base = urllib.parse.urlsplit(self.chat.http)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        headers |= {**self.chat.header, "x-forwarded-for": self.client_address[0]}
        upstream = http.client.HTTPConnection(base.netloc, timeout=60)
        try:
            upstream.request(self.command, base.path + self.path, body or None, headers)
            answer = upstream.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP | {"content-length", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
        finally:
            upstream.close()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _pass_on

    def _with_subprotocol(self, head: bytes) -> bytes:
        """The emulator keeps to itself which subprotocol `$connect` answered; browsers end a socket that answers none."""
        wanted = (self.headers.get("sec-websocket-protocol") or "").split(",")[0].strip()
        first, rest = head.split(b"\r\n", 1)
        if not wanted or b" 101 " not in first or b"sec-websocket-protocol" in rest.lower():
            return head
        return first + b"\r\nSec-WebSocket-Protocol: " + wanted.encode() + b"\r\n" + rest

    def _tunnel(self) -> None:
        base = urllib.parse.urlsplit(self.chat.sockets)
        query = urllib.parse.urlsplit(self.path).query
        headers = {**dict(self.headers.items()), "Host": base.netloc, **self.chat.header}
        lines = [f"GET {base.path}?{query} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self.close_connection = True
        with socket.create_connection((base.hostname or "", base.port or 80)) as upstream:
            upstream.sendall("\r\n".join(lines).encode())
            self.connection.sendall(self._with_subprotocol(_head(upstream)))
            back = threading.Thread(target=_copy, args=(upstream, self.connection), daemon=True)
            back.start()
            _copy(self.connection, upstream)
            back.join()


def _head(upstream: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and (some := upstream.recv(CHUNK_BYTES)):
        head += some
    return head


def _copy(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while some := one.recv(CHUNK_BYTES):
            other.sendall(some)
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def standing(chat: Chat, pages: Path, port: int = 0) -> Iterator[str]:
    """The address of a front, for the length of a block."""
    handler = functools.partial(Front, chat=chat, pages=pages)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


