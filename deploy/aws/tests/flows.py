"""Journeys through the deployed handlers, by the role whose handler they pass: each raises when it does not end as it should.

A journey uses what a client has (the WebSocket, HTTP) or what starts the handler (a queue, a schedule), and looks at
what a client or an operator can see. Together those of a role need every statement of it.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
import urllib.parse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import people
from emulator import OPERATOR, Emulator, Stack
from people import PASSWORD, Chat, Frame, Person, Socket, new_id

Stacks = dict[str, Stack]
Flow = Callable[[Emulator, Stacks], None]

# A picture of one pixel.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
BAD_FRAMES_MAX = 21
# More than one function tries in one go.
THROTTLED_POSTS = 12
# As many tries as one request to a table has.
REQUEST_TRIES = 6
# More than there are tries.
MANY_REFUSALS = 100_000
# More than one transaction of the table takes with their two items each.
MANY_MEMBERS = 55


def pair(emulator: Emulator, stacks: Stacks) -> tuple[str, Person, Socket, Person, Socket]:
    """Two people in a group, each with a socket that is live."""
    chat = Chat(emulator, stacks)
    ann, ben = chat.register("ann"), chat.register("ben")
    room = ann.group(ben)
    a, b = ann.socket(), ben.socket()
    a.sync()
    b.sync()
    return room, ann, a, ben, b


def is_event(kind: str) -> Callable[[Frame], bool]:
    return lambda frame: any(one["kind"] == kind for one in frame.get("events", [frame]) if "kind" in one)


def says_done(socket: Socket, action: str, **members: Any) -> None:
    """A frame that is answered by `done` or `accepted`."""
    reference = new_id()
    socket.say(action, ref=reference, **members)
    answer = socket.answer(reference)
    assert answer["type"] in ("done", "accepted"), answer


def command(socket: Socket, action: str, room: str, **members: Any) -> None:
    says_done(socket, action, conversationId=room, clientMessageId=new_id(), **members)


# ---- sockets ----


def opens_by_ticket_token_and_cookie(emulator: Emulator, stacks: Stacks) -> None:
    chat = Chat(emulator, stacks)
    ann = chat.register("ann")
    ann.socket().close()
    chat.open("", {"authorization": f"Bearer {ann.token}"}).close()
    cookie = {"cookie": f"dynamowave_session={ann.token}", "origin": emulator.origin}
    chat.open("", cookie).close()


def is_greeted_and_ends(emulator: Emulator, stacks: Stacks) -> None:
    chat = Chat(emulator, stacks)
    ann, ben = chat.register("ann"), chat.register("ben")
    ann.group(ben)
    a = ann.socket()
    a.sync()
    a.say("watchPresence", ref=1, userIds=[ben.user])
    b = ben.socket()
    a.presence(ben.user, "online")
    b.drop()
    a.presence(ben.user, "offline")
    a.close()


def frames_that_do_not_read_end_the_socket(emulator: Emulator, stacks: Stacks, frame: str) -> None:
    chat = Chat(emulator, stacks)
    ann, ben = chat.register("ann"), chat.register("ben")
    ann.group(ben)
    a, b = ann.socket(), ben.socket()
    a.sync()
    b.sync()
    a.say("watchPresence", ref=1, userIds=[ben.user])
    a.presence(ben.user, "online")
    says_done(b, "watchPresence", userIds=[ann.user])
    for _ in range(BAD_FRAMES_MAX):
        b.opened.send(frame)
    assert len([one for one in b.until_closed() if one["type"] in ("error", "rejected")]) == BAD_FRAMES_MAX
    a.presence(ben.user, "offline")
    a.close()


def bad_messages_end_the_socket(emulator: Emulator, stacks: Stacks) -> None:
    frames_that_do_not_read_end_the_socket(emulator, stacks, '{"action":"sendMessage","conversationId":"general"}')


def rubbish_ends_the_socket(emulator: Emulator, stacks: Stacks) -> None:
    frames_that_do_not_read_end_the_socket(emulator, stacks, "rubbish")


def greets_at_the_first_frame(emulator: Emulator, stacks: Stacks, action: str, **members: Any) -> None:
    """The first frame comes before anybody has said `hello`: whoever answers it says that first."""
    chat = Chat(emulator, stacks)
    ann = chat.register("ann")
    functions = emulator.client("lambda")
    trigger = stacks["serverless"].resources["NotifyTrigger"]
    # While nobody tells announcements.
    functions.update_event_source_mapping(UUID=trigger, Enabled=False)
    try:
        a = ann.socket(greeted=False)
        a.say(action, ref=1, **members)
        assert a.find(lambda frame: True)["type"] == "hello"
        a.answer(1)
    finally:
        functions.update_event_source_mapping(UUID=trigger, Enabled=True)
    a.close()


def a_message_greets(emulator: Emulator, stacks: Stacks) -> None:
    members = {"conversationId": new_id(), "clientMessageId": new_id(), "body": "hi"}
    greets_at_the_first_frame(emulator, stacks, "sendMessage", **members)


def a_ping_greets(emulator: Emulator, stacks: Stacks) -> None:
    greets_at_the_first_frame(emulator, stacks, "ping")


# ---- frames ----


def sends_with_everything_a_message_can_have(emulator: Emulator, stacks: Stacks) -> None:
    room, ann, a, ben, b = pair(emulator, stacks)
    first = b.event(a.send(room, "Tea?"))
    upload = {"content-type": "application/octet-stream"}
    files = []
    for number in range(2):
        path = f"/v1/attachments?name=tea{number}.txt"
        status, made = ann.chat.ask("POST", path, b"two spoons", ann.token, upload)
        assert status == 201, made
        files.append(made["attachmentId"])
    name = new_id()
    members = {"body": "look", "mentions": [ben.user], "replyTo": first["seq"], "attachmentIds": files}
    says_done(a, "sendMessage", conversationId=room, clientMessageId=name, **members)
    assert b.event(name)["attachments"]
    a.say("sendMessage", ref=9, conversationId=new_id(), clientMessageId=new_id(), body="to nobody")
    assert a.answer(9)["code"] == "conversation_not_found"
    a.close()
    b.close()


def does_everything_else_a_frame_can(emulator: Emulator, stacks: Stacks) -> None:
    room, ann, a, ben, b = pair(emulator, stacks)
    seq = b.event(a.send(room, "Tea?"))["seq"]
    command(b, "react", room, seq=seq, emoji="👍")
    a.find(is_event("reacted"))
    command(b, "unreact", room, seq=seq, emoji="👍")
    command(b, "react", room, seq=seq, emoji="🍵")
    command(a, "editMessage", room, seq=seq, body="Coffee?")
    b.find(is_event("edited"))
    says_done(b, "markDelivered", conversationId=room, seq=seq)
    says_done(b, "markRead", conversationId=room, seq=seq)
    a.find(lambda frame: frame["type"] == "marks" and frame["userId"] == ben.user)
    says_done(b, "typing", conversationId=room)
    a.of_type("typing")
    says_done(a, "watchMarks", conversationIds=[room])
    a.say("watchPresence", ref=2, userIds=[ben.user])
    a.presence(ben.user, "online")
    says_done(b, "setActive", active=False)
    a.presence(ben.user, "away")
    says_done(b, "setActive", active=True)
    command(a, "deleteMessage", room, seq=seq)
    b.find(is_event("deleted"))
    b.drop()
    for number in range(3):
        a.event(a.send(room, f"while you were away {number}"))
    again = ben.socket()
    assert again.sync({room: 1})[-1]["seq"] >= seq + 3
    again.say("sync", ref=5, epoch=new_id(), cursors={})
    again.of_type("resync")
    a.close()
    again.close()


# ---- commands and announcements ----


def every_command_becomes_an_event(emulator: Emulator, stacks: Stacks) -> None:
    chat = Chat(emulator, stacks)
    ann, ben, cid = chat.register("ann"), chat.register("ben"), chat.register("cid")
    room = ann.group(ben)
    of_room = f"/v1/conversations/{room}"
    ann.want(200, "PATCH", of_room, {"title": "Coffee", "description": "black"})
    ann.want(204, "POST", f"{of_room}/members", {"userIds": [cid.user]})
    ann.want(204, "PATCH", f"{of_room}/members/{ben.user}", {"role": "admin"})
    ann.want(202, "POST", f"{of_room}/messages", {"body": "hello", "mentions": [ben.user]})
    # What is carried out later is carried out before what follows.
    ann.want(200, "PATCH", of_room, {"title": "Tea"})
    page = ann.want(200, "GET", f"{of_room}/events?after=0")["events"]
    seq = next(event["seq"] for event in page if event["kind"] == "message")
    of_message = f"{of_room}/messages/{seq}"
    emoji = urllib.parse.quote("👍")
    for who in (ben, cid):
        who.want(200, "PUT", f"{of_message}/reactions/{emoji}")
    cid.want(200, "DELETE", f"{of_message}/reactions/{emoji}")
    ann.want(200, "PATCH", of_message, {"body": "hello there"})
    ann.want(200, "DELETE", of_message)
    ann.want(204, "DELETE", f"{of_room}/members/{cid.user}")
    ben.want(204, "POST", f"{of_room}/leave")


def crowd(emulator: Emulator, chat: Chat, size: int) -> list[str]:
    """As many people, each registered once."""
    with ThreadPoolExecutor(4) as aside:
        missing = ["many"] * (size - len(emulator.crowd))
        emulator.crowd.extend(person.user for person in aside.map(chat.register, missing))
    return emulator.crowd[:size]


def many_become_members_at_once(emulator: Emulator, stacks: Stacks) -> None:
    """Prepared first, then made to count together."""
    chat = Chat(emulator, stacks)
    ann = chat.register("ann")
    many = crowd(emulator, chat, MANY_MEMBERS)
    group = {"kind": "group", "title": "Many", "memberIds": many}
    begun = ann.want(201, "POST", "/v1/conversations", group)["conversationId"]
    grown = ann.want(201, "POST", "/v1/conversations", {**group, "memberIds": []})["conversationId"]
    ann.want(204, "POST", f"/v1/conversations/{grown}/members", {"userIds": many})
    for room in (begun, grown):
        assert len(ann.want(200, "GET", f"/v1/conversations/{room}/members?limit=100")["items"]) == MANY_MEMBERS + 1


def members_that_are_not_yet_written_plainly_are_some(emulator: Emulator, stacks: Stacks) -> None:
    """Prepared and made to count together, by a process that came no further: whoever reads them looks twice."""
    chat = Chat(emulator, stacks)
    ann, ben = chat.register("ann"), chat.register("ben")
    group = {"kind": "group", "title": "Many", "memberIds": [ben.user, *crowd(emulator, chat, MANY_MEMBERS)]}
    plainly = f"UpdateItem {stacks['data'].outputs['MainTable']}"
    emulator.way.refuse(plainly, MANY_REFUSALS, 503)
    status, answer = chat.ask("POST", "/v1/conversations", group, ann.token)
    assert (status, emulator.way.refusals_left(plainly) < MANY_REFUSALS) == (503, True), answer
    emulator.way.refuse_nothing()
    (room,) = (one["conversationId"] for one in ann.want(200, "GET", "/v1/conversations")["items"])
    a, b = ann.socket(), ben.socket()
    a.sync()
    b.sync()
    assert b.event(a.send(room, "so many!"))["seq"] == 2
    a.close()
    b.close()


def what_fails_for_the_moment_is_stored_later(emulator: Emulator, stacks: Stacks) -> None:
    room, _, a, _, b = pair(emulator, stacks)
    emulator.way.refuse("TransactWriteItems", REQUEST_TRIES, 503)
    assert b.event(a.send(room, "Tea?"))["seq"] == 2
    assert emulator.way.refusals_left("TransactWriteItems") == 0
    a.close()
    b.close()


def what_a_rule_refuses_later_is_told(emulator: Emulator, stacks: Stacks) -> None:
    """Accepted, and its sender is no member any more when it is applied."""
    room, ann, a, ben, b = pair(emulator, stacks)
    functions, trigger = emulator.client("lambda"), stacks["serverless"].resources["PersistTrigger"]
    functions.update_event_source_mapping(UUID=trigger, Enabled=False)
    try:
        with ThreadPoolExecutor() as aside:
            path = f"/v1/conversations/{room}/members/{ben.user}"
            removing = aside.submit(ann.want, 204, "DELETE", path)
            while not waiting(emulator, stacks["data"].outputs["MessagesQueueUrl"]):
                assert not removing.done()
            name = b.send(room, "too late")
            functions.update_event_source_mapping(UUID=trigger, Enabled=True)
            removing.result()
    finally:
        functions.update_event_source_mapping(UUID=trigger, Enabled=True)
    failed = b.of_type("failed")
    assert (failed["clientMessageId"], failed["code"]) == (name, "conversation_not_found"), failed
    a.close()
    b.close()


def waiting(emulator: Emulator, url: str) -> int:
    """How many messages wait in a queue."""
    asked = ["ApproximateNumberOfMessages"]
    return int(emulator.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"][asked[0]])


def what_does_not_read_is_a_dead_letter(emulator: Emulator, stacks: Stacks, queue: str) -> None:
    chat = Chat(emulator, stacks)
    letters = f"/v1/admin/dead-letters?queue={queue.lower()}"
    before = {one["id"] for one in chat.want(200, "GET", letters, token=OPERATOR)["items"]}
    emulator.client("sqs").send_message(
        QueueUrl=stacks["data"].outputs[f"{queue}QueueUrl"],
        MessageBody="rubbish",
        MessageGroupId=secrets.token_hex(16),
        MessageDeduplicationId=new_id(),
    )
    made: set[str] = set()
    end = time.monotonic() + people.PATIENCE_S
    while not made and time.monotonic() < end and not people.is_over():
        made = {one["id"] for one in chat.want(200, "GET", letters, token=OPERATOR)["items"]} - before
        time.sleep(0.1)
    assert made, "no dead letter"
    drop = {"queue": queue.lower(), "ids": sorted(made)}
    assert chat.want(200, "POST", "/v1/admin/dead-letters/drop", drop, OPERATOR)["count"] == len(made)


def an_unreadable_command_is_a_dead_letter(emulator: Emulator, stacks: Stacks) -> None:
    what_does_not_read_is_a_dead_letter(emulator, stacks, "Messages")


def an_unreadable_announcement_is_a_dead_letter(emulator: Emulator, stacks: Stacks) -> None:
    what_does_not_read_is_a_dead_letter(emulator, stacks, "Notifications")


def connect_event(person: Person, name: str) -> bytes:
    """What API Gateway says of a socket of this name that opens."""
    authorizer = {"user": person.user, "session": new_id(), "principalId": person.user}
    context = {
        "routeKey": "$connect",
        "eventType": "CONNECT",
        "connectionId": name,
        "stage": "live",
        "connectedAt": 1,
        "requestTimeEpoch": 1,
        "identity": {"sourceIp": "127.0.0.1"},
        "authorizer": authorizer,
    }
    return json.dumps({"headers": {}, "requestContext": context, "isBase64Encoded": False}).encode()


def a_socket_that_is_gone_is_forgotten(emulator: Emulator, stacks: Stacks) -> None:
    """Its rows are there, it is not, and nobody has said so: the first who posts to it hears 410."""
    chat = Chat(emulator, stacks)
    ann, ben = chat.register("ann"), chat.register("ben")
    room = ann.group(ben)
    a = ann.socket()
    a.sync()
    functions = emulator.client("lambda")
    payload = connect_event(ben, secrets.token_hex(8))
    answer = functions.invoke(FunctionName=f"{stacks['serverless'].resources['ConnectFunction']}:live", Payload=payload)
    assert json.load(answer["Payload"])["statusCode"] == 200
    a.say("watchPresence", ref=1, userIds=[ben.user])
    a.presence(ben.user, "online")
    a.event(a.send(room, "are you there?"))
    a.presence(ben.user, "offline")
    a.close()


def who_posts_too_fast_comes_back_for_the_rest_alone(emulator: Emulator, stacks: Stacks) -> None:
    room, _, a, _, b = pair(emulator, stacks)
    way = emulator.way
    # Both have just been greeted.
    of_ann, of_ben = way.sockets[-2:]
    before = way.posts(of_ann, 200)
    way.refuse(of_ben, THROTTLED_POSTS, 429)
    names = [a.send(room, "quick") for _ in range(2)]
    assert [a.event(name)["seq"] for name in names] == [2, 3]
    assert [b.event(name)["seq"] for name in names] == [2, 3]
    assert way.posts(of_ben, 429) == THROTTLED_POSTS
    a.say("ping", ref="mark")
    a.answer("mark")
    assert way.posts(of_ann, 200) - before <= len(names), "nobody is told twice"
    a.close()
    b.close()


def a_logout_ends_its_sockets(emulator: Emulator, stacks: Stacks) -> None:
    chat = Chat(emulator, stacks)
    ann = chat.register("ann")
    a = ann.socket()
    a.sync()
    says_done(a, "watchPresence", userIds=[ann.user])
    ann.want(204, "DELETE", "/v1/sessions/current")
    heard = a.until_closed()
    assert [one["code"] for one in heard if one["type"] == "error"] == ["unauthorized"]


def news_of_every_kind_reach_those_concerned(emulator: Emulator, stacks: Stacks) -> None:
    room, ann, a, ben, b = pair(emulator, stacks)
    other = ben.socket()
    other.sync()
    ben.want(200, "PATCH", f"/v1/conversations/{room}/preferences", {"pinned": True})
    other.find(lambda frame: frame["type"] not in ("presence",))
    says_done(b, "typing", conversationId=room)
    a.of_type("typing")
    seq = b.event(a.send(room, "hi"))["seq"]
    says_done(b, "markRead", conversationId=room, seq=seq)
    a.find(lambda frame: frame["type"] == "marks" and frame["userId"] == ben.user)
    for one in (a, b, other):
        one.close()


# ---- HTTP ----


def every_route_answers(emulator: Emulator, stacks: Stacks) -> None:
    chat = Chat(emulator, stacks)
    ann, ben = chat.register("ann"), chat.register("ben")
    room = ann.group(ben)
    channel = ann.want(201, "POST", "/v1/conversations", {"kind": "channel", "title": "News", "memberIds": []})
    ben.want(200, "POST", f"/v1/conversations/{channel['conversationId']}/join", {})
    for path in (
        "/v1/account",
        "/v1/account/preferences",
        "/v1/channels",
        "/v1/conversations",
        f"/v1/conversations/{room}",
        f"/v1/conversations/{room}/events?after=0",
        f"/v1/conversations/{room}/members",
        "/v1/invites",
        f"/v1/presence?ids={ben.user}",
        "/v1/search?q=tea",
        "/v1/sessions",
        f"/v1/users?prefix={ben.username[:5]}",
        f"/v1/users?ids={ben.user}",
        f"/v1/users/{ben.user}",
        "/v1/openapi.json",
    ):
        ann.want(200, "GET", path)
    ann.want(200, "PATCH", "/v1/account", {"displayName": "Ann", "status": {"text": "tea", "emoji": "🍵"}})
    ann.want(200, "PATCH", "/v1/account/preferences", {"locale": "en"})
    ann.want(200, "PUT", f"/v1/conversations/{room}/marks", {"readSeq": 1, "deliveredSeq": 1})
    ann.want(200, "PATCH", f"/v1/conversations/{room}/preferences", {"pinned": True})
    invite = ann.want(201, "POST", "/v1/invites", {})
    ann.want(204, "DELETE", f"/v1/invites/{invite['inviteId']}")
    ann.want(202, "POST", f"/v1/conversations/{room}/messages", {"body": "Tea?"})
    # What is carried out later is carried out before what follows.
    ann.want(200, "PATCH", f"/v1/conversations/{room}", {"title": "Coffee"})
    for path in ("", "/reactions", "/versions"):
        ben.want(200, "GET", f"/v1/conversations/{room}/messages/2{path}")


def files_and_pictures_come_and_go(emulator: Emulator, stacks: Stacks) -> None:
    chat = Chat(emulator, stacks)
    ann = chat.register("ann")
    kind = {"content-type": "image/png"}
    status, made = chat.ask("POST", "/v1/attachments?name=dot.png", PIXEL, ann.token, kind)
    assert status == 201, made
    file = f"/v1/attachments/{made['attachmentId']}"
    assert chat.ask("GET", file, token=ann.token) == (200, PIXEL)
    ann.want(204, "DELETE", file)
    status, answer = chat.ask("PUT", "/v1/account/avatar", PIXEL, ann.token, kind)
    assert status == 200, answer
    assert chat.ask("GET", f"/v1/users/{ann.user}/avatar", token=ann.token)[0] == 200
    ann.want(200, "DELETE", "/v1/account/avatar")


def an_upload_that_breaks_off_leaves_nothing(emulator: Emulator, stacks: Stacks) -> None:
    """Less than was announced, as only somebody on the way could make of it."""
    chat = Chat(emulator, stacks)
    ann = chat.register("ann")
    headers = {**chat.header, "authorization": f"Bearer {ann.token}", "content-length": "9", "host": "127.0.0.1"}
    path = "/v1/attachments"
    context = {"http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}}
    event = {
        "version": "2.0",
        "routeKey": "ANY /v1/{proxy+}",
        "rawPath": path,
        "rawQueryString": "name=tea.txt",
        "headers": headers,
        "requestContext": {**context, "stage": "$default", "routeKey": "ANY /v1/{proxy+}", "timeEpoch": 1},
        "body": "half",
        "isBase64Encoded": False,
    }
    name = f"{stacks['serverless'].resources['HttpFunction']}:live"
    answer = emulator.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    told = json.load(answer["Payload"])
    assert told["statusCode"] == 400, told
    bucket = stacks["data"].outputs["FilesBucket"]
    assert emulator.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def files_of_deleted_messages_go_away(emulator: Emulator, stacks: Stacks) -> None:
    room, ann, a, _, b = pair(emulator, stacks)
    upload = {"content-type": "application/octet-stream"}
    status, made = ann.chat.ask("POST", "/v1/attachments?name=tea.txt", b"two spoons", ann.token, upload)
    assert status == 201, made
    name = new_id()
    members = {"body": "look", "attachmentIds": [made["attachmentId"]]}
    says_done(a, "sendMessage", conversationId=room, clientMessageId=name, **members)
    command(a, "deleteMessage", room, seq=b.event(name)["seq"])
    b.find(is_event("deleted"))
    sweep = f"{stacks['serverless'].resources['HttpFunction']}:live"
    answer = emulator.client("lambda").invoke(FunctionName=sweep, Payload=b'{"dynamowave":"sweep"}')
    assert json.load(answer["Payload"])["uploads"] >= 1
    files = emulator.client("s3").list_objects_v2(Bucket=stacks["data"].outputs["FilesBucket"], Prefix="files/")
    assert not [one["Key"] for one in files.get("Contents", []) if made["attachmentId"] in one["Key"]]
    a.close()
    b.close()


def accounts_change_and_end(emulator: Emulator, stacks: Stacks) -> None:
    chat = Chat(emulator, stacks)
    ann = chat.register("ann")
    login = {"username": ann.username, "password": PASSWORD}
    chat.want(201, "POST", "/v1/sessions", login)
    sessions = ann.want(200, "GET", "/v1/sessions")["items"]
    other = next(one for one in sessions if not one["current"])
    ann.want(204, "DELETE", f"/v1/sessions/{other['sessionId']}")
    ann.want(204, "PUT", "/v1/account/password", {"current": PASSWORD, "new": f"{PASSWORD} 2"})
    user = f"/v1/admin/users/{ann.user}"
    chat.want(204, "PUT", f"{user}/password", {"password": f"{PASSWORD} 3"}, OPERATOR)
    chat.want(200, "PATCH", user, {"disabled": True}, OPERATOR)
    chat.want(200, "PATCH", user, {"disabled": False, "role": "admin"}, OPERATOR)
    chat.want(200, "GET", user, token=OPERATOR)
    for path in ("/v1/admin/users", "/v1/admin/conversations", "/v1/admin/health"):
        chat.want(200, "GET", path, token=OPERATOR)


def what_aws_gave_up_is_found_and_sent_again(emulator: Emulator, stacks: Stacks) -> None:
    """For both queues: laid into the dead-letter queue as the service does it after the last receive."""
    chat = Chat(emulator, stacks)
    for queue in ("Messages", "Notifications"):
        path = f"/v1/admin/dead-letters?queue={queue.lower()}"
        before = {one["id"] for one in chat.want(200, "GET", path, token=OPERATOR)["items"]}
        emulator.client("sqs").send_message(
            QueueUrl=stacks["data"].outputs[f"{queue}DeadQueueUrl"],
            MessageBody="rubbish",
            MessageGroupId=secrets.token_hex(16),
            MessageDeduplicationId=new_id(),
        )
        name = queue.lower()
        letters = chat.want(200, "GET", path, token=OPERATOR)["items"]
        (mine,) = (one for one in letters if one["id"] not in before)
        assert mine["reason"].startswith("gave up")
        chat.want(200, "GET", f"/v1/admin/dead-letters/{mine['id']}?queue={name}", token=OPERATOR)
        one = {"queue": name, "ids": [mine["id"]]}
        assert chat.want(200, "POST", "/v1/admin/dead-letters/redrive", one, OPERATOR)["count"] == 1


def is_ready_and_public(emulator: Emulator, stacks: Stacks) -> None:
    chat = Chat(emulator, stacks)
    chat.want(200, "GET", "/readyz")
    chat.want(200, "GET", "/v1/server")


def calls_the_others(emulator: Emulator, stacks: Stacks) -> None:
    functions, name = emulator.client("lambda"), stacks["serverless"].resources["WarmFunction"]
    answer = json.load(functions.invoke(FunctionName=name, Payload=b'{"dynamowave":"warm"}')["Payload"])
    assert answer == {"called": 8, "failed": 0}, answer


# By role of `serverless.yaml`. `test_flows.py` fails for a role without one.
FLOWS: dict[str, tuple[Flow, ...]] = {
    "AuthorizerRole": (opens_by_ticket_token_and_cookie,),
    "ConnectRole": (is_greeted_and_ends,),
    "DisconnectRole": (is_greeted_and_ends,),
    "SendRole": (
        sends_with_everything_a_message_can_have,
        a_message_greets,
        bad_messages_end_the_socket,
        members_that_are_not_yet_written_plainly_are_some,
    ),
    "DefaultRole": (does_everything_else_a_frame_can, a_ping_greets, rubbish_ends_the_socket),
    "HttpRole": (
        is_ready_and_public,
        every_route_answers,
        files_and_pictures_come_and_go,
        an_upload_that_breaks_off_leaves_nothing,
        files_of_deleted_messages_go_away,
        accounts_change_and_end,
        many_become_members_at_once,
        a_logout_ends_its_sockets,
        what_aws_gave_up_is_found_and_sent_again,
    ),
    "PersistRole": (
        every_command_becomes_an_event,
        many_become_members_at_once,
        what_fails_for_the_moment_is_stored_later,
        what_a_rule_refuses_later_is_told,
        an_unreadable_command_is_a_dead_letter,
    ),
    "NotifyRole": (
        news_of_every_kind_reach_those_concerned,
        members_that_are_not_yet_written_plainly_are_some,
        a_socket_that_is_gone_is_forgotten,
        who_posts_too_fast_comes_back_for_the_rest_alone,
        a_logout_ends_its_sockets,
        an_unreadable_announcement_is_a_dead_letter,
    ),
    "WarmRole": (calls_the_others,),
}
