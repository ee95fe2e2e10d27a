"""Journeys through the processes of the containers home: each raises when it does not end as it should.

Those of the handlers that need nothing of Lambda, through the gateway, and what is this home's own. Together they need
every statement of the roles of the services.
"""

from __future__ import annotations

import functools
import secrets
import signal
import socket
import time
import urllib.parse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flows
import people
from flows import Flow, command, is_event, pair, says_done
from people import Chat, new_id, unverified
from services import Services

Journey = Callable[[Services], None]

# A conversation of more hears of marks where somebody said to hold members of it.
SMALL_MEMBERS_MAX = 100
# What a socket is closed with when its login has ended.
SESSION_ENDED = 4100
# More than one part of an upload has.
LARGE_BYTES = 6 * 1024 * 1024
POLL_S = 0.05


def until(holds: Callable[[], Any], patience_s: float | None = None) -> Any:
    """Waits for something. Returns it."""
    end = time.monotonic() + (patience_s or people.PATIENCE_S)
    while not (found := holds()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(POLL_S)
    return found


def bucket_of(services: Services) -> dict[str, str]:
    return {"Bucket": services.stacks["data"].outputs["FilesBucket"]}


def a_gateway_is_replaced_and_the_next_tidies_up(services: Services) -> None:
    """D4: its people are told to come back, and miss nothing. What a deleted message showed is gone (D7)."""
    room, ann, a, ben, b = pair(services.emulator, services.stacks)
    upload = {"content-type": "application/octet-stream"}
    status, made = ann.chat.ask("POST", "/v1/attachments?name=tea.txt", b"two spoons", ann.token, upload)
    assert status == 201, made
    files = services.emulator.client("s3")

    def is_gone() -> bool:
        found = files.list_objects_v2(**bucket_of(services), Prefix="files/").get("Contents", [])
        return all(made["attachmentId"] not in one["Key"] for one in found)

    assert not is_gone()
    name = new_id()
    shown = {"body": "look", "attachmentIds": [made["attachmentId"]]}
    says_done(a, "sendMessage", conversationId=room, clientMessageId=name, **shown)
    command(a, "deleteMessage", room, seq=b.event(name)["seq"])
    b.find(is_event("deleted"))
    services.gateway.send(signal.SIGTERM)
    for one in (a, b):
        assert "reconnect" in [frame["type"] for frame in one.until_closed()]
    assert services.gateway.ended() == 0
    services.gateway.start()
    again = ben.socket()
    assert [event["seq"] for event in again.sync({room: 1})] == [2, 3]
    again.close()
    until(is_gone)


def what_fails_for_the_moment_comes_again(services: Services) -> None:
    room, _, a, _, b = pair(services.emulator, services.stacks)
    persister, notifier = services.persister.way, services.notifier.way
    persister.refuse("TransactWriteItems", flows.REQUEST_TRIES, 503)
    assert b.event(a.send(room, "Tea?"))["seq"] == 2
    notifier.refuse("Query", flows.REQUEST_TRIES, 503)
    assert b.event(a.send(room, "Yes, please."))["seq"] == 3
    assert (persister.refusals_left("TransactWriteItems"), notifier.refusals_left("Query")) == (0, 0)
    a.close()
    b.close()


def what_a_rule_refuses_later_is_told(services: Services) -> None:
    """Accepted, and its sender is no member any more when it is applied."""
    room, ann, a, ben, b = pair(services.emulator, services.stacks)
    url = services.stacks["data"].outputs["MessagesQueueUrl"]
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def is_underway() -> bool:
        about = services.emulator.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=counts)
        return any(int(about["Attributes"][count]) for count in counts)

    services.persister.send(signal.SIGSTOP)
    try:
        with ThreadPoolExecutor() as aside:
            path = f"/v1/conversations/{room}/members/{ben.user}"
            removing = aside.submit(ann.want, 204, "DELETE", path)
            until(is_underway)
            name = b.send(room, "too late")
            services.persister.send(signal.SIGCONT)
            removing.result()
    finally:
        services.persister.send(signal.SIGCONT)
    failed = b.of_type("failed")
    assert (failed["clientMessageId"], failed["code"]) == (name, "conversation_not_found"), failed
    a.close()
    b.close()


def a_logout_closes_its_sockets(services: Services) -> None:
    chat = Chat(services.emulator, services.stacks)
    ann = chat.register("ann")
    a = ann.socket()
    a.sync()
    ann.want(204, "DELETE", "/v1/sessions/current")
    a.until_closed()
    assert a.opened.close_code == SESSION_ENDED, "P57"


def a_large_conversation_is_heard_everywhere(services: Services) -> None:
    """Its gateways say that they hold members of it."""
    chat = Chat(services.emulator, services.stacks)
    ann, ben = chat.register("ann"), chat.register("ben")
    crowd = flows.crowd(services.emulator, chat, SMALL_MEMBERS_MAX - 1)
    group = {"kind": "group", "title": "All", "memberIds": [ben.user, *crowd]}
    room = ann.want(201, "POST", "/v1/conversations", group)["conversationId"]
    a, b = ann.socket(), ben.socket()
    a.sync()
    b.sync()
    seq = b.event(a.send(room, "Tea for all"))["seq"]
    says_done(a, "watchMarks", conversationIds=[room])
    says_done(b, "markRead", conversationId=room, seq=seq)
    a.find(lambda frame: frame["type"] == "marks" and frame["userId"] == ben.user)
    a.close()
    b.close()


def a_large_file_comes_back_in_parts(services: Services) -> None:
    chat = Chat(services.emulator, services.stacks)
    ann = chat.register("ann")
    file = secrets.token_bytes(LARGE_BYTES)
    upload = {"content-type": "application/octet-stream"}
    status, made = chat.ask("POST", "/v1/attachments?name=tea.bin", file, ann.token, upload)
    assert status == 201, made
    path = f"/v1/attachments/{made['attachmentId']}"
    half = LARGE_BYTES // 2
    assert chat.ask("GET", path, token=ann.token, headers={"range": f"bytes={half}-"}) == (206, file[half:])
    ann.want(204, "DELETE", path)


def an_upload_that_breaks_off_leaves_nothing(services: Services) -> None:
    chat = Chat(services.emulator, services.stacks)
    ann = chat.register("ann")
    files = services.emulator.client("s3")

    def begun() -> list[Any]:
        return files.list_multipart_uploads(**bucket_of(services)).get("Uploads", [])

    at = urllib.parse.urlsplit(chat.http)
    head = f"POST /v1/attachments?name=tea.txt HTTP/1.1\r\nhost: {at.netloc}\r\nauthorization: Bearer {ann.token}\r\n"
    with socket.create_connection((at.hostname, at.port)) as plain, unverified().wrap_socket(plain) as sending:
        sending.sendall(f"{head}content-length: 9\r\n\r\nhalf".encode())
        until(begun)
    until(lambda: not begun())


def somebody_is_invited(services: Services) -> None:
    chat = Chat(services.emulator, services.stacks)
    ann = chat.register("ann")
    code = ann.want(201, "POST", "/v1/invites", {})["code"]
    account = {"username": f"ben{secrets.token_hex(4)}", "password": new_id(), "invite": code}
    chat.want(201, "POST", "/v1/accounts", account)


def through_the_gateway(flow: Flow) -> Journey:
    """A journey of the handlers, by the gateway."""

    @functools.wraps(flow)
    def journey(services: Services) -> None:
        flow(services.emulator, services.stacks)

    return journey


JOURNEYS: tuple[Journey, ...] = (
    *map(
        through_the_gateway,
        (
            flows.is_ready_and_public,
            flows.is_greeted_and_ends,
            flows.sends_with_everything_a_message_can_have,
            flows.does_everything_else_a_frame_can,
            flows.every_route_answers,
            flows.files_and_pictures_come_and_go,
            flows.accounts_change_and_end,
            flows.every_command_becomes_an_event,
            flows.many_become_members_at_once,
            flows.members_that_are_not_yet_written_plainly_are_some,
            flows.news_of_every_kind_reach_those_concerned,
            flows.an_unreadable_command_is_a_dead_letter,
            flows.an_unreadable_announcement_is_a_dead_letter,
            flows.what_aws_gave_up_is_found_and_sent_again,
        ),
    ),
    what_fails_for_the_moment_comes_again,
    what_a_rule_refuses_later_is_told,
    a_logout_closes_its_sockets,
    a_large_conversation_is_heard_everywhere,
    a_large_file_comes_back_in_parts,
    an_upload_that_breaks_off_leaves_nothing,
    somebody_is_invited,
    a_gateway_is_replaced_and_the_next_tidies_up,
)
