"""Roles against the handlers themselves: each suffices for its journeys, none does without one of its statements, and no
statement has an action that no journey uses.

Needs the zip of the handlers (`--artefact`). Run by `xtask/scripts/aws-deploy.sh ARTEFACT`.
"""

from __future__ import annotations

import time
from typing import Any

import people
import pytest
import template
from emulator import Emulator, Stack
from flows import FLOWS, Flow
from people import new_id
from roles import UNSEEN_OF_HANDLERS, decisions, denied, unused, used, without

Stacks = dict[str, Stack]
# Taken by API Gateway itself, not by a handler.
NO_HANDLER = {"ApiGatewayLogRole"}
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


def _start_anew(emulator: Emulator, stacks: Stacks, role: str) -> None:
    """Puts a new version in the place of a handler, which starts when it is called next; and of the one that registers
    people, because one that has run for a while lets in only some a minute."""
    functions = emulator.client("lambda")
    for one in {role, "HttpRole"}:
        name = stacks["serverless"].resources[f"{one.removesuffix('Role')}Function"]
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
    decided = decisions(emulator, stacks["serverless"].resources[role], since)
    assert [one for one in decided if one["decision"] != "Allow"] == []
    USED.setdefault(role, {})[flow] = used(decided)


@pytest.mark.parametrize(
    ("role", "sid"), [(role, one["Sid"]) for role, one in _statements() if one["Sid"] not in UNSEEN_OF_HANDLERS]
)
def test_without_a_statement_a_journey_is_denied(
    emulator: Emulator, stacks: Stacks, monkeypatch: pytest.MonkeyPatch, role: str, sid: str
) -> None:
    (statement,) = (one for of, one in _statements() if (of, one["Sid"]) == (role, sid))
    of_role = USED.get(role, {})
    needing = [flow for flow in FLOWS[role] if any(one == sid for one, _ in of_role.get(flow, ()))]
    shortest_first = sorted(needing or FLOWS[role], key=lambda flow: TOOK_S.get(flow, 0))
    since = emulator.audit.stat().st_size
    broke, found = None, []
    physical = stacks["serverless"].resources[role]
    monkeypatch.setattr(people, "is_over", lambda: bool(denied(emulator, physical, since, statement)))
    with without(emulator, stacks["serverless"], role, sid):
        _start_anew(emulator, stacks, role)
        for flow in shortest_first:
            try:
                flow(emulator, stacks)
            except Exception as error:  # noqa: BLE001 a journey may end in any way but well
                broke = error
            end = time.monotonic() + DENIAL_S
            while not (found := denied(emulator, physical, since, statement)) and time.monotonic() < end:
                time.sleep(0.2)
            if found:
                break
            emulator.way.refuse_nothing()
    _start_anew(emulator, stacks, role)
    # What was left behind by a journey that broke off does not trouble the next one.
    emulator.way.refuse_nothing()
    emulator.empty(stacks["data"])
    assert found, f"nobody missed {sid} of {role}; the last journey ended with {broke!r}"
    print(f"{role} without {sid}: {found[0]['action']} denied; {type(broke).__name__ if broke else 'ends well'}")


def test_no_role_may_do_what_no_journey_does(emulator: Emulator, stacks: Stacks) -> None:
    assert set(USED) == set(FLOWS), "the journeys have to run before"
    for role, statement in _statements():
        if role in NO_HANDLER or statement["Sid"] in UNSEEN_OF_HANDLERS:
            continue
        # All of them: some of what a journey starts is done when it has ended.
        decided = decisions(emulator, stacks["serverless"].resources[role], 0)
        assert unused(statement, decided) == set(), (role, statement["Sid"])
