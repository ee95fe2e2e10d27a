"""A conversation through everything that was deployed, with the roles as they are: D1 to D6, and what is this home's.

Needs the zip of the handlers (`--artefact`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from emulator import OPERATOR, Emulator, Stack
from flows import connect_event
from people import SUBPROTOCOL, Chat, Person, Socket, new_id
from roles import without
from websockets.exceptions import InvalidStatus

Stacks = dict[str, Stack]
HANDLERS = ("Authorizer", "Connect", "Disconnect", "Send", "Default", "Http", "Persist", "Notify")
GIVEN_UP_S = 90


@pytest.fixture(scope="module")
def chat(emulator: Emulator, stacks: Stacks, pytestconfig: pytest.Config) -> Chat:
    if not pytestconfig.getoption("--artefact"):
        pytest.fail("these run the handlers: give their zip with --artefact")
    return Chat(emulator, stacks)


@pytest.fixture
def pair(chat: Chat) -> Iterator[tuple[str, Person, Socket, Person, Socket]]:
    """Two people in a group of their own, each with a socket that is live."""
    ann, ben = chat.register("ann"), chat.register("ben")
    room = ann.group(ben)
    a, b = ann.socket(), ben.socket()
    a.sync()
    b.sync()
    yield room, ann, a, ben, b
    a.close()
    b.close()


def rows(emulator: Emulator, stacks: Stacks, user: str) -> list[str]:
    """What the table of what lives shortly holds of a person's sockets."""
    table = stacks["data"].outputs["LiveTable"]
    found = emulator.client("dynamodb").scan(TableName=table)["Items"]
    mine = [item for item in found if user.replace("-", "") in item["pk"]["S"]]
    sockets = [name for item in mine for name in item if name.startswith("e") and len(name) > 30]
    return sockets + [item["sk"]["S"] for item in mine if item["sk"]["S"].startswith("K#")]


def test_d1_d2_d3_two_people_converse_and_a_resend_changes_nothing(
    pair: tuple[str, Person, Socket, Person, Socket],
) -> None:
    room, ann, a, ben, b = pair
    assert a.hello["userId"] == ann.user
    first = a.send(room, "Tea?")
    at_a, at_b = a.event(first), b.event(first)
    assert at_a == at_b
    assert (at_a["seq"], at_a["body"], at_a["senderId"]) == (2, "Tea?", ann.user)
    a.send(room, "Tea?", first)
    second = b.send(room, "Yes, please.")
    assert a.event(second)["seq"] == 3
    page = ben.want(200, "GET", f"/v1/conversations/{room}/events?after=0")
    assert page["headSeq"] == 3
    assert [event["seq"] for event in page["events"]] == [1, 2, 3]


def test_p2_a_socket_speaks_the_subprotocol_it_offered(chat: Chat, emulator: Emulator, stacks: Stacks) -> None:
    """What `$connect` answers; the emulator does not pass it on."""
    ann = chat.register("ann")
    event = json.loads(connect_event(ann, "0123456789abcdef"))
    name = f"{stacks['serverless'].resources['ConnectFunction']}:live"
    for offered, status in ((f"{SUBPROTOCOL}, other", 200), ("other", 400)):
        event["headers"] = {"Sec-WebSocket-Protocol": offered}
        answer = emulator.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        told = json.load(answer["Payload"])
        assert told["statusCode"] == status
        assert told.get("headers", {}).get("Sec-WebSocket-Protocol") == (SUBPROTOCOL if status == 200 else None)


def test_d4_who_was_cut_off_catches_up_and_is_live_again(pair: tuple[str, Person, Socket, Person, Socket]) -> None:
    room, _, a, ben, b = pair
    b.drop()
    names = [a.send(room, f"while you were away, {number}") for number in range(5)]
    a.event(names[-1])
    again = ben.socket()
    assert [event["seq"] for event in again.sync({room: 1})] == [2, 3, 4, 5, 6]
    assert again.event(a.send(room, "welcome back"))["seq"] == 7
    again.close()


def test_presence_is_seen_and_an_abrupt_end_leaves_no_rows(
    emulator: Emulator, stacks: Stacks, pair: tuple[str, Person, Socket, Person, Socket]
) -> None:
    room, _, a, ben, b = pair
    a.say("watchPresence", ref=1, userIds=[ben.user])
    a.presence(ben.user, "online")
    b.say("setActive", ref=2, active=False)
    a.presence(ben.user, "away")
    assert rows(emulator, stacks, ben.user)
    b.drop()
    assert a.presence(ben.user, "offline")["users"][0]["lastSeen"]
    assert rows(emulator, stacks, ben.user) == []


def test_files_go_through_the_bucket(chat: Chat, pair: tuple[str, Person, Socket, Person, Socket]) -> None:
    room, ann, a, ben, b = pair
    file = b"two spoons, four minutes\n" * 1000
    upload = {"content-type": "application/octet-stream"}
    status, made = chat.ask("POST", "/v1/attachments?name=tea.txt", file, ann.token, upload)
    assert status == 201, made
    name = new_id()
    a.say("sendMessage", ref=1, conversationId=room, clientMessageId=name, body="", attachmentIds=[made["attachmentId"]])
    assert a.answer(1)["type"] == "accepted"
    b.event(name)
    assert chat.ask("GET", f"/v1/attachments/{made['attachmentId']}", None, ben.token) == (200, file.decode().encode())
    assert chat.want(200, "GET", "/v1/server")["attachments"]["sizeMaxBytes"] == 4 * 1024 * 1024


def test_d7_who_goes_around_the_distribution_or_is_not_known_gets_nothing(chat: Chat, emulator: Emulator) -> None:
    ann = chat.register("ann")
    around = Chat.__new__(Chat)
    around.__dict__.update({**chat.__dict__, "header": {}})
    status, problem = around.ask("GET", "/v1/conversations", token=ann.token)
    assert (status, problem["code"]) == (403, "forbidden")
    assert around.ask("GET", "/readyz") == (200, {"ready": True})
    ticket = ann.want(201, "POST", "/v1/tickets", {})["ticket"]
    for through, shown in ((around, ticket), (chat, "guess")):
        with pytest.raises(InvalidStatus):
            through.open(shown)
    chat.open(ticket).close()
    with pytest.raises(InvalidStatus):
        chat.open(ticket)


def dead_letters(chat: Chat) -> list[dict[str, object]]:
    return chat.want(200, "GET", "/v1/admin/dead-letters", token=OPERATOR)["items"]


def redrive(chat: Chat) -> int:
    answer = chat.want(200, "POST", "/v1/admin/dead-letters/redrive", {"all": True}, OPERATOR)
    return answer["count"]


def test_d5_what_does_not_read_is_set_aside_counted_and_hides_no_other(
    chat: Chat, emulator: Emulator, stacks: Stacks, pair: tuple[str, Person, Socket, Person, Socket]
) -> None:
    room, _, a, _, b = pair
    began_ms = int(time.time() * 1000)
    emulator.client("sqs").send_message(
        QueueUrl=stacks["data"].outputs["MessagesQueueUrl"],
        MessageBody="this is no command",
        MessageGroupId=room.replace("-", ""),
        MessageDeduplicationId=new_id(),
    )
    assert b.event(a.send(room, "behind it"))["seq"] == 2
    (letter,) = dead_letters(chat)
    assert (letter["name"], letter["attempts"]) == ("unreadable", 1)
    assert letter["reason"]
    log = stacks["serverless"].resources["PersistLogs"]
    (counts,) = emulator.client("logs").describe_metric_filters(logGroupName=log)["metricFilters"]
    lines = emulator.client("logs").filter_log_events(
        logGroupName=log, startTime=began_ms, filterPattern=counts["filterPattern"]
    )
    assert lines["events"], "the alarm counts this line"
    # It is as unreadable as before: back among the dead letters, once.
    assert redrive(chat) == 1
    a.event(a.send(room, "behind it again"))
    (letter,) = dead_letters(chat)
    gone = chat.want(200, "POST", "/v1/admin/dead-letters/drop", {"ids": [letter["id"]]}, OPERATOR)
    assert gone["count"] == 1


def test_d2_d5_what_aws_gave_up_comes_back_once(
    chat: Chat, emulator: Emulator, stacks: Stacks, pair: tuple[str, Person, Socket, Person, Socket]
) -> None:
    room, _, a, _, b = pair
    queues, url = emulator.client("sqs"), stacks["data"].outputs["MessagesQueueUrl"]
    usual = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    try:
        with without(emulator, stacks["serverless"], "PersistRole", "WriteMain"):
            name = a.send(room, "lost?")
            end = time.monotonic() + GIVEN_UP_S
            letters: list[dict[str, object]] = []
            while not letters and time.monotonic() < end:
                letters = [one for one in dead_letters(chat) if one.get("conversationId") == room]
                time.sleep(0.5)
    finally:
        queues.set_queue_attributes(QueueUrl=url, Attributes=usual)
    assert [letter["reason"] for letter in letters] == ["gave up after 10 tries"]
    assert redrive(chat) == 1
    assert redrive(chat) == 0
    assert b.event(name)["seq"] == 2
    a.send(room, "lost?", name)
    assert b.event(a.send(room, "found"))["seq"] == 3, "neither the redrive nor the resend made a second one"


def test_handlers_answer_the_warmer_without_touching_data(emulator: Emulator, stacks: Stacks, chat: Chat) -> None:
    chat.want(200, "GET", "/v1/server")
    functions = emulator.client("lambda")
    resources = stacks["serverless"].resources
    before = emulator.audit.stat().st_size
    for handler in HANDLERS:
        answer = functions.invoke(FunctionName=resources[f"{handler}Function"], Payload=b'{"dynamowave":"warm"}')
        assert json.load(answer["Payload"]) == {"dynamowave": "warm"}, handler
    answer = functions.invoke(FunctionName=resources["WarmFunction"], Payload=b'{"dynamowave":"warm"}')
    assert json.load(answer["Payload"]) == {"called": len(HANDLERS), "failed": 0}
    with emulator.audit.open(encoding="utf-8") as audit:
        audit.seek(before)
        touched = {(line["role"], line["action"]) for line in map(json.loads, audit)}
    assert {action for role, action in touched if "WarmRole" in role} == {"lambda:InvokeFunction"}
