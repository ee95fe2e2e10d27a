"""Roles against the handlers themselves: each suffices for its journeys, none does without one of its statements, and no
statement has an action that no journey uses.

Needs the zip of the handlers (`--artefact`). Run by `xtask/scripts/aws-deploy.sh ARTEFACT`.
"""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import flows
import pytest
import template
from emulator import Emulator, Stack
from flows import FLOWS, Flow
from people import new_id
from roles import UNSEEN, without

Stacks = dict[str, Stack]
# Taken by API Gateway itself, not by a handler.
NO_HANDLER = {"ApiGatewayLogRole"}
# How long one step may take in a journey that is to fail, seconds.
PATIENCE_S = 8.0
# How long a denial may come after the journey, seconds: some events are handled when it has ended.
DENIAL_S = 8.0
# Statements by which each journey went, by role, with their actions; journeys in the order of how long they take.
USED: dict[str, dict[Flow, set[tuple[str, str]]]] = {}
TOOK_S: dict[Flow, float] = {}


def _statements() -> list[tuple[str, dict[str, Any]]]:
    return template.statements(template.resolve(template.load("serverless")))


@pytest.fixture(scope="module", autouse=True)
def _artefact(pytestconfig: pytest.Config) -> None:
    if not pytestconfig.getoption("--artefact"):
        pytest.fail("these run the handlers: give their zip with --artefact")


def _decisions(emulator: Emulator, stacks: Stacks, role: str, since: int) -> list[dict[str, str]]:
    """What was decided about the requests of a role."""
    with emulator.audit.open(encoding="utf-8") as audit:
        audit.seek(since)
        lines = [json.loads(line) for line in audit]
    return [line for line in lines if line["role"] == stacks["serverless"].resources[role]]


def _denied(
    emulator: Emulator, stacks: Stacks, role: str, since: int, statement: dict[str, Any]
) -> list[dict[str, str]]:
    """Requests that this statement would have allowed."""
    actions = {one for action in statement["Action"] for one in (action, f"{action}Batch")}
    decisions = _decisions(emulator, stacks, role, since)
    return [one for one in decisions if one["decision"] == "ImplicitDeny" and one["action"] in actions]


def _start_anew(emulator: Emulator, stacks: Stacks, role: str) -> None:
    """Puts a new version in the place of a handler, which starts when it is called next."""
    functions = emulator.client("lambda")
    name = stacks["serverless"].resources[f"{role.removesuffix('Role')}Function"]
    functions.update_function_configuration(FunctionName=name, Description=new_id())
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)


def test_every_role_has_journeys() -> None:
    roles = {role for role, _ in _statements()} - NO_HANDLER
    assert roles == set(FLOWS)


@pytest.mark.parametrize(("role", "flow"), [(role, flow) for role, all_of in FLOWS.items() for flow in all_of])
def test_a_role_suffices_for_its_journeys(emulator: Emulator, stacks: Stacks, role: str, flow: Flow) -> None:
    # What is asked for at the start is part of what is needed.
    _start_anew(emulator, stacks, role)
    since, began = emulator.audit.stat().st_size, time.monotonic()
    flow(emulator, stacks)
    TOOK_S[flow] = time.monotonic() - began
    decisions = _decisions(emulator, stacks, role, since)
    assert [one for one in decisions if one["decision"] != "Allow"] == []
    USED.setdefault(role, {})[flow] = {(one["sid"], one["action"]) for one in decisions if one["decision"] == "Allow"}


@pytest.mark.parametrize(
    ("role", "sid"), [(role, one["Sid"]) for role, one in _statements() if one["Sid"] not in UNSEEN]
)
def test_without_a_statement_a_journey_is_denied(
    emulator: Emulator, stacks: Stacks, monkeypatch: pytest.MonkeyPatch, role: str, sid: str
) -> None:
    (statement,) = (one for of, one in _statements() if (of, one["Sid"]) == (role, sid))
    of_role = USED.get(role, {})
    needing = [flow for flow in FLOWS[role] if any(used == sid for used, _ in of_role.get(flow, ()))]
    shortest_first = sorted(needing or FLOWS[role], key=lambda flow: TOOK_S.get(flow, 0))
    monkeypatch.setattr(flows, "PATIENCE_S", PATIENCE_S)
    since = emulator.audit.stat().st_size
    broke, denied = None, []
    with without(emulator, stacks["serverless"], role, sid):
        _start_anew(emulator, stacks, role)
        for flow in shortest_first:
            try:
                flow(emulator, stacks)
            except Exception as error:  # noqa: BLE001 a journey may end in any way but well
                broke = error
            end = time.monotonic() + DENIAL_S
            while not (denied := _denied(emulator, stacks, role, since, statement)) and time.monotonic() < end:
                time.sleep(0.2)
            if denied:
                break
            emulator.way.refuse_nothing()
    _start_anew(emulator, stacks, role)
    _settle(emulator, stacks)
    assert denied, f"nobody missed {sid} of {role}"
    print(f"{role} without {sid}: {denied[0]['action']} denied; {type(broke).__name__ if broke else 'ends well'}")


def _settle(emulator: Emulator, stacks: Stacks) -> None:
    """What was left behind by a journey that broke off does not trouble the next one."""
    emulator.way.refuse_nothing()
    queues = emulator.client("sqs")
    for queue in ("Messages", "MessagesDead", "Notifications", "NotificationsDead"):
        with contextlib.suppress(queues.exceptions.PurgeQueueInProgress):
            queues.purge_queue(QueueUrl=stacks["data"].outputs[f"{queue}QueueUrl"])


def test_no_role_may_do_what_no_journey_does() -> None:
    assert set(USED) == set(FLOWS), "the journeys have to run before"
    for role, statement in _statements():
        if role in NO_HANDLER or statement["Sid"] in UNSEEN:
            continue
        used = {action for pairs in USED[role].values() for sid, action in pairs if sid == statement["Sid"]}
        # Both names of one right.
        used |= {action.removesuffix("Batch") for action in used}
        assert set(statement["Action"]) - used == set(), (role, statement["Sid"])
