"""The way of the handlers to the services, on this machine: passes requests on, notes what is posted to sockets, and
refuses what it is told to.

Knows no frame. Invariant: listens on loopback alone, and ends with the block that started it.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field

# What a service says with a status.
ERRORS = {
    429: ("LimitExceededException", b'{"__type":"LimitExceededException","message":"Too Many Requests"}'),
    503: ("ServiceUnavailable", b'{"__type":"ServiceUnavailable","message":"Come again"}'),
}


@dataclass
class Way:
    """What passed, and what is to be refused."""

    upstream: str
    url: str = ""
    # Sockets in the order of their first post.
    sockets: list[str] = field(default_factory=list)
    # Status of each post, by socket.
    statuses: dict[str, list[int]] = field(default_factory=dict)
    _refused: dict[str, tuple[int, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse(self, what: str, times: int, status: int) -> None:
        """Answers the next requests of this operation, on this table where one is named behind it, or to this socket,
        with a status."""
        with self._lock:
            self._refused[what] = (times, status)

    def refuse_nothing(self) -> None:
        with self._lock:
            self._refused.clear()

    def refusals_left(self, what: str) -> int:
        with self._lock:
            return self._refused.get(what, (0, 0))[0]

    def posts(self, socket: str, status: int) -> int:
        """How many posts to a socket had this status."""
        with self._lock:
            return self.statuses.get(socket, []).count(status)

    def refusal(self, whats: tuple[str, ...]) -> int | None:
        """The status to refuse one of these with."""
        with self._lock:
            for what in whats:
                left, status = self._refused.get(what, (0, 0))
                if left > 0:
                    self._refused[what] = (left - 1, status)
                    return status
        return None

    def note(self, socket: str, status: int) -> None:
        with self._lock:
            if socket not in self.statuses:
                self.sockets.append(socket)
            self.statuses.setdefault(socket, []).append(status)


def _table(body: bytes) -> str:
    """The one table that a request is for."""
    with contextlib.suppress(ValueError, AttributeError):
        return json.loads(body).get("TableName", "")
    return ""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    way: Way

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        is_post = self.command == "POST" and "/@connections/" in urllib.parse.unquote(self.path)
        last = urllib.parse.unquote(self.path.rsplit("/", 1)[-1])
        operation = (self.headers.get("x-amz-target") or "").rsplit(".", 1)[-1]
        table = _table(body) if operation else ""
        status = self.way.refusal((last if is_post else "", operation, f"{operation} {table}"))
        if status is not None:
            kind, content = ERRORS[status]
            headers = [("x-amzn-errortype", kind), ("content-type", "application/x-amz-json-1.0")]
        else:
            status, headers, content = self._ask(body)
        if is_post:
            self.way.note(last, status)
        self._answer(status, headers, content)

    do_DELETE = do_GET = do_PUT = do_HEAD = do_POST

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection(urllib.parse.urlsplit(self.way.upstream).netloc, timeout=120)
        try:
            # As it was signed.
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "expect":
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            dropped = {"connection", "content-length", "date", "server", "transfer-encoding"}
            if self.command == "HEAD":
                dropped.remove("content-length")
            headers = [one for one in answer.getheaders() if one[0].lower() not in dropped]
            return answer.status, headers, answer.read()
        finally:
            upstream.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Who asked has gone, and nobody waits for the answer; or the services have, and whoever asked sees that."""


@contextlib.contextmanager
def passing(upstream: str) -> Iterator[Way]:
    """A way to an emulator, for the length of a block."""
    way = Way(upstream)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"way": way}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    way.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield way
    finally:
        server.shutdown()
        server.server_close()
