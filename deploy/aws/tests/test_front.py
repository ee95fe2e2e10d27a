"""What people use, through a front that stands in for the distribution: the web app in Chromium, the command line of the
operator, and `wscat`.

Needs the zip of the handlers (`--artefact`); and each its program, the pages of `web/dist`, or a binary (`--program`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from emulator import OPERATOR, Emulator, Stack
from front import standing
from people import Chat, Socket

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "web/dist"
Stacks = dict[str, Stack]


@pytest.fixture(scope="module")
def chat(emulator: Emulator, stacks: Stacks, pytestconfig: pytest.Config) -> Chat:
    if not pytestconfig.getoption("--artefact"):
        pytest.fail("these run the handlers: give their zip with --artefact")
    return Chat(emulator, stacks)


@pytest.fixture(scope="module")
def address(chat: Chat, emulator: Emulator) -> Iterator[str]:
    with standing(chat, PAGES, int(emulator.origin.rsplit(":", 1)[-1])) as address:
        yield address


def run(*command: str, seconds: int = 300, text: str = "", **variables: str) -> str:
    """What a program prints, which has to end well."""
    done = subprocess.run(
        command,
        env={**os.environ, **variables},
        input=text,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


def test_two_people_use_the_web_app_and_one_is_cut_off(address: str) -> None:
    assert (PAGES / "index.html").exists(), "there is no web/dist: make web"
    run("node", str(Path(__file__).parent / "browser.mjs"), address)


def test_wscat_gets_an_answer(chat: Chat, address: str) -> None:
    if not shutil.which("npx"):
        pytest.fail("Missing: npx, of Node.js")
    ann = chat.register("ann")
    ticket = ann.want(201, "POST", "/v1/tickets", {})["ticket"]
    sockets = address.replace("http", "ws", 1)
    frame = json.dumps({"action": "ping", "ref": "from wscat"})
    command = ("npx", "--yes", "wscat@6.1.0", "-s", "dynamowave.v1", "-c", f"{sockets}/v1/ws?ticket={ticket}")
    with subprocess.Popen(
        [*command, "-x", frame, "-w", "10"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as wscat:
        # It ends with its input, so that stays open until it has waited.
        assert wscat.wait(120) == 0
        heard = wscat.stdout.read() if wscat.stdout else ""
    assert '"type":"hello"' in heard, heard
    assert '"ref":"from wscat"' in heard, heard


def given_up(emulator: Emulator, stacks: Stacks, socket: Socket, room: str) -> str:
    """A message that was accepted and lies where AWS puts what was received too often."""
    functions, queues = emulator.client("lambda"), emulator.client("sqs")
    trigger, outputs = stacks["serverless"].resources["PersistTrigger"], stacks["data"].outputs
    functions.update_event_source_mapping(UUID=trigger, Enabled=False)
    try:
        name = socket.send(room, "lost?")
        (found,) = queues.receive_message(QueueUrl=outputs["MessagesQueueUrl"], WaitTimeSeconds=5)["Messages"]
    finally:
        functions.update_event_source_mapping(UUID=trigger, Enabled=True)
    queues.send_message(
        QueueUrl=outputs["MessagesDeadQueueUrl"],
        MessageBody=found["Body"],
        MessageGroupId=room.replace("-", ""),
        MessageDeduplicationId=name,
    )
    queues.delete_message(QueueUrl=outputs["MessagesQueueUrl"], ReceiptHandle=found["ReceiptHandle"])
    return name


def test_d5_the_operators_command_brings_a_dead_letter_back_once(
    chat: Chat, address: str, emulator: Emulator, stacks: Stacks, pytestconfig: pytest.Config
) -> None:
    program = pytestconfig.getoption("--program")
    if not program:
        pytest.fail("this runs dynamowave: give the binary with --program")
    ann, ben = chat.register("ann"), chat.register("ben")
    room = ann.group(ben)
    a, b = ann.socket(), ben.socket()
    a.sync()
    b.sync()
    name = given_up(emulator, stacks, a, room)
    way = {"DYNAMOWAVE_URL": address, "DYNAMOWAVE_TOKEN": OPERATOR}
    (letter,) = (line for line in run(program, "dlq", "list", **way).splitlines() if "sendMessage" in line)
    assert "gave up" in letter
    assert room in run(program, "dlq", "show", letter.split()[0], **way)
    run(program, "dlq", "redrive", "--all", **way)
    run(program, "dlq", "redrive", "--all", **way)
    assert b.event(name)["seq"] == 2
    page = ben.want(200, "GET", f"/v1/conversations/{room}/events?after=0")
    assert page["headSeq"] == 2
    a.close()
    b.close()
