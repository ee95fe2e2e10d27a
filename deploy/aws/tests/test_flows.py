"""Roles against the handlers themselves: each suffices for its journeys, and none does without one of its statements.

Needs the zip of the handlers (`--artefact`). Run by `xtask/scripts/aws-deploy.sh ARTEFACT`.
"""

from __future__ import annotations

import contextlib
import time

import pytest
import template
from emulator import Emulator, Stack
from flows import FLOWS
from roles import UNSEEN, without

Stacks = dict[str, Stack]
# Started by API Gateway's own role, not by a handler.
NO_HANDLER = {"ApiGatewayLogRole"}
LOG_WAIT_S = 10


def _statements() -> list[tuple[str, str]]:
    whole = template.resolve(template.load("serverless"))
    return [(role, one["Sid"]) for role, one in template.statements(whole)]


@pytest.fixture(scope="module", autouse=True)
def _artefact(pytestconfig: pytest.Config) -> None:
    if not pytestconfig.getoption("--artefact"):
        pytest.fail("these run the handlers: give their zip with --artefact")


def _denials(emulator: Emulator, log: str, since_ms: int) -> list[str]:
    """Lines of a handler's log that tell of a denial."""
    found = emulator.client("logs").filter_log_events(logGroupName=log, startTime=since_ms, filterPattern="AccessDenied")
    return [event["message"] for event in found["events"]]


def test_every_role_has_journeys() -> None:
    roles = {role for role, _ in _statements()} - NO_HANDLER
    assert roles - set(FLOWS) == set()
    assert set(FLOWS) - roles == set()


@pytest.mark.parametrize("role", sorted({role for role, _ in _statements()}))
def test_a_role_suffices_for_its_journeys(emulator: Emulator, stacks: Stacks, role: str) -> None:
    assert FLOWS.get(role), f"no journey passes the handler of {role}"
    for flow in FLOWS[role]:
        flow(emulator, stacks)


@pytest.mark.parametrize(("role", "sid"), [one for one in _statements() if one[1] not in UNSEEN])
def test_without_a_statement_a_journey_is_denied(emulator: Emulator, stacks: Stacks, role: str, sid: str) -> None:
    assert FLOWS.get(role), f"no journey passes the handler of {role}"
    log = stacks["serverless"].resources[f"{role.removesuffix('Role')}Logs"]
    since_ms = int(time.time() * 1000)
    with without(emulator, stacks["serverless"], role, sid):
        for flow in FLOWS[role]:
            with contextlib.suppress(AssertionError, TimeoutError, OSError):
                flow(emulator, stacks)
        end = time.monotonic() + LOG_WAIT_S
        while not (denied := _denials(emulator, log, since_ms)) and time.monotonic() < end:
            time.sleep(0.2)
    assert denied, f"nobody missed {sid} of {role}"
