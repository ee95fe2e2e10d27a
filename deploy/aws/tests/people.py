"""People who use the deployed chat as a stranger's program would: JSON over HTTP and over the WebSocket API.

Knows the addresses of the emulator and the header that the distribution adds, or the address of a gateway; nothing of
what stands behind. Every wait ends.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import secrets
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from emulator import Emulator, Stack
from websockets.exceptions import ConnectionClosed, InvalidMessage
from websockets.sync.client import ClientConnection, connect

# How long one step may take before a journey counts as broken, seconds.
PATIENCE_S = 30.0
SLICE_S = 0.25
# An answer comes in any case; the bound is for an emulator that is gone.
REQUEST_S = 120.0
PASSWORD = "correct horse battery"
SUBPROTOCOL = "dynamowave.v1"
Frame = dict[str, Any]


class Silence(TimeoutError):
    """What was waited for was not heard."""


def _never() -> bool:
    return False


# Whether whoever waits may stop: a journey that is to be denied something has been.
is_over: Callable[[], bool] = _never


class Chat:
    """The deployed chat, as the distribution or the load balancer in front reaches it."""

    def __init__(self, emulator: Emulator, stacks: dict[str, Stack]) -> None:
        self.tls: ssl.SSLContext | None = None
        self.header: dict[str, str] = {}
        if emulator.gateway:
            self.http = emulator.gateway
            self.sockets = f"{emulator.gateway.replace('http', 'ws', 1)}/v1/ws"
            self.tls = unverified()
            return
        outputs = stacks["serverless"].outputs
        secret = emulator.client("secretsmanager").get_secret_value(SecretId=outputs["OriginSecretArn"])
        self.header["x-dynamowave-origin"] = secret["SecretString"]
        self.http = f"{emulator.url}/_aws/execute-api/{outputs['HttpApi']}/$default"
        self.sockets = f"{emulator.url.replace('http', 'ws', 1)}/_aws/execute-api/{outputs['WebSocketApi']}/live"

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str = "",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """The status and the answer, JSON where it is."""
        sent = {**self.header, **(headers or {})}
        data = body
        if body is not None and not isinstance(body, bytes):
            data = json.dumps(body).encode()
            sent["content-type"] = "application/json"
        if token:
            sent["authorization"] = f"Bearer {token}"
        request = urllib.request.Request(f"{self.http}{path}", data=data, headers=sent, method=method)
        status, text = _once_more(lambda: self._answer(request))
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def _answer(self, request: urllib.request.Request) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_S, context=self.tls) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def want(self, status: int, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """The answer, which has this status."""
        found, answer = self.ask(method, path, body, token)
        assert found == status, f"{method} {path}: {found} {answer}"
        return answer

    def open(self, ticket: str, headers: dict[str, str] | None = None) -> Socket:
        """A socket by this ticket, or by what stands in headers."""
        opening = functools.partial(
            connect,
            f"{self.sockets}?ticket={ticket}" if ticket else self.sockets,
            additional_headers={**self.header, **(headers or {})},
            subprotocols=[SUBPROTOCOL],
            ping_interval=None,
            open_timeout=REQUEST_S,
            max_size=None,
            ssl=self.tls,
            legacy=True,
        )
        return Socket(_once_more(opening))

    def register(self, name: str) -> Person:
        """A new account, logged in."""
        username = f"{name}{secrets.token_hex(4)}"
        login = self.want(201, "POST", "/v1/accounts", {"username": username, "password": PASSWORD})
        return Person(self, login["userId"], login["token"], username)


class Person:
    """Somebody logged in."""

    def __init__(self, chat: Chat, user: str, token: str, username: str) -> None:
        self.chat, self.user, self.token, self.username = chat, user, token, username

    def want(self, status: int, method: str, path: str, body: Any = None) -> Any:
        """The answer to a request of theirs, which has this status."""
        return self.chat.want(status, method, path, body, self.token)

    def group(self, *others: Person) -> str:
        """A group of theirs with these people."""
        body = {"kind": "group", "title": "Tea", "memberIds": [other.user for other in others]}
        return self.want(201, "POST", "/v1/conversations", body)["conversationId"]

    def socket(self, greeted: bool = True) -> Socket:
        """A socket by ticket; with its `hello`, unless asked otherwise."""
        socket = self.chat.open(self.want(201, "POST", "/v1/tickets", {})["ticket"])
        if greeted:
            socket.hello = socket.find(lambda frame: True)
            assert socket.hello["type"] == "hello", f"P7: {socket.hello}"
        return socket


class Socket:
    """One socket and what was heard on it."""

    def __init__(self, opened: ClientConnection) -> None:
        self.opened = opened
        self.heard: list[Frame] = []
        self.hello: Frame = {}

    def say(self, action: str, **members: Any) -> None:
        self.opened.send(json.dumps({"action": action, **members}))

    def find(self, fits: Callable[[Frame], bool]) -> Frame:
        """The first frame that fits, heard already or still to come; the others stay."""
        for at, frame in enumerate(self.heard):
            if fits(frame):
                return self.heard.pop(at)
        while frame := self._read():
            if fits(frame):
                return frame
            self.heard.append(frame)
        raise Silence(f"not heard; but {self.heard}")

    def of_type(self, kind: str) -> Frame:
        return self.find(lambda frame: frame["type"] == kind)

    def answer(self, reference: Any) -> Frame:
        return self.find(lambda frame: frame.get("ref") == reference)

    def sync(self, cursors: dict[str, int] | None = None, **members: Any) -> list[Frame]:
        """Syncs. Returns the events of all pages."""
        self.say("sync", ref="sync", cursors=cursors or {}, **members)
        events: list[Frame] = []
        while True:
            frame = self.find(lambda frame: frame["type"] in ("events", "synced", "error"))
            if frame["type"] == "synced":
                return events
            assert frame["type"] == "events", frame
            events += frame["events"]

    def send(self, conversation: str, body: str, name: str | None = None) -> str:
        """Sends a message and waits until it is accepted. Returns its name."""
        name = name or new_id()
        self.say("sendMessage", ref=name, conversationId=conversation, clientMessageId=name, body=body)
        answer = self.answer(name)
        assert answer == {"type": "accepted", "ref": name, "clientMessageId": name}, answer
        return name

    def event(self, name: str) -> Frame:
        """The event of the message of this name, live on its own or in a page."""
        frame = self.find(lambda frame: any(one.get("clientMessageId") == name for one in events_of(frame)))
        return next(one for one in events_of(frame) if one.get("clientMessageId") == name)

    def presence(self, user: str, status: str) -> Frame:
        """Waits until somebody is so."""

        def tells(frame: Frame) -> bool:
            return frame["type"] == "presence" and any(
                one["userId"] == user and one["status"] == status for one in frame["users"]
            )

        return self.find(tells)

    def until_closed(self) -> list[Frame]:
        """Hears out what is said until the end."""
        heard, self.heard = self.heard, []
        try:
            while frame := self._read():
                heard.append(frame)
        except ConnectionClosed:
            return heard
        raise Silence(f"not closed; but {heard}")

    def drop(self) -> None:
        """Ends the connection without a word."""
        self.opened.socket.shutdown(2)

    def close(self) -> None:
        self.opened.close()

    def _read(self) -> Frame | None:
        """The next frame; none, after as much patience as there is. What it waited while the machine stood still, as the
        whole of it does at times, does not count."""
        for _ in range(round(PATIENCE_S / SLICE_S)):
            with contextlib.suppress(TimeoutError):
                return json.loads(self.opened.recv(timeout=SLICE_S))
            if is_over():
                return None
        return None


def _once_more(ask: Callable[[], Any]) -> Any:
    """What is asked for, again where nobody answered: a gateway ends a handshake that takes ten seconds, which is what
    it took when the machine stood still."""
    try:
        return ask()
    except (http.client.RemoteDisconnected, InvalidMessage):
        return ask()


def unverified() -> ssl.SSLContext:
    """As the load balancer, which does not verify."""
    return ssl._create_unverified_context()  # noqa: S323, SLF001


def events_of(frame: Frame) -> list[Frame]:
    """The events in a frame, live or a page."""
    return frame.get("events", []) if frame["type"] == "events" else [frame] if frame["type"] == "event" else []


def new_id() -> str:
    """A UUIDv7."""
    bits = (time.time_ns() // 1_000_000) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    text = f"{bits:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
