"""Roles against the services themselves: the processes of the containers home, each as its role, suffice for their
journeys; none does without one of its statements, and no statement has an action that no journey uses.

Needs the program (`--program`), built with `--features aws`. Run by `xtask/scripts/aws-deploy.sh ARTEFACT PROGRAM`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import flows
import people
import pytest
import services as processes
import template
from botocore.exceptions import ClientError
from emulator import Emulator, Stack
from journeys import JOURNEYS, Journey
from roles import UNSEEN, decisions, denied, unused, used, without
from services import Services

Stacks = dict[str, Stack]
ROLES = tuple(f"{name}Role" for name in processes.NAMES)
# Taken by AWS itself, not by a program of ours.
NO_PROGRAM = {"ExecutionRole", "FlowLogsRole"}
# How long one step may take in a journey that is to fail, seconds.
PATIENCE_S = 2.0
# How long until somebody misses a statement, seconds.
DENIAL_S = 90.0
# Statements by which each journey went, by role, with their actions.
USED: dict[str, dict[Journey, set[tuple[str, str]]]] = {role: {} for role in ROLES}
# How long each journey took, seconds.
TOOK_S: dict[Journey, float] = {}
# Up to where the audit is looked at.
SEEN = {"bytes": 0}


def _statements() -> list[tuple[str, dict[str, Any]]]:
    found = template.statements(template.resolve(template.load("containers")))
    return [(role, one) for role, one in found if role not in NO_PROGRAM and one["Sid"] not in UNSEEN]


@pytest.fixture(scope="module")
def stacks(emulator: Emulator) -> Stacks:
    """The data and the containers alone: nothing else takes from the queues."""
    emulator.prepare(None)
    return {"data": emulator.deploy("data", {}), "containers": emulator.deploy_containers(RegistrationPolicy="open")}


@pytest.fixture(scope="module")
def services(
    emulator: Emulator, stacks: Stacks, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Services]:
    program = pytestconfig.getoption("--program")
    if not program:
        pytest.fail("these run the program: give the binary with --program")
    with processes.running(emulator, stacks, program, tmp_path_factory.mktemp("logs")) as running:
        yield running


def test_every_role_is_that_of_a_program_or_of_aws() -> None:
    roles = {role for role, _ in template.statements(template.load("containers"))}
    assert roles == {*ROLES, *NO_PROGRAM}


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_the_roles_suffice(services: Services, journey: Journey) -> None:
    audit, began = services.emulator.audit, time.monotonic()
    since = audit.stat().st_size
    journey(services)
    TOOK_S[journey] = time.monotonic() - began
    # What is asked for at the start and between journeys is part of what is needed.
    before, SEEN["bytes"] = SEEN["bytes"], audit.stat().st_size
    for role in ROLES:
        name = services.of_role(role).role
        decided = decisions(services.emulator, name, before)
        assert [one for one in decided if one["decision"] != "Allow"] == []
        USED[role][journey] = used(decisions(services.emulator, name, since))


def test_no_role_may_do_what_no_journey_does(services: Services) -> None:
    assert set(TOOK_S) == set(JOURNEYS), "the journeys have to run before"
    for role, statement in _statements():
        decided = decisions(services.emulator, services.of_role(role).role, 0)
        assert unused(statement, decided) == set(), (role, statement["Sid"])


@pytest.mark.parametrize("role", ROLES)
def test_the_doctor_asks_for_what_the_role_has(services: Services, role: str) -> None:
    service, since = services.of_role(role), services.emulator.audit.stat().st_size
    lacking = [one for one in service.doctor() if one["check"] == "rights" and one["verdict"] == "fail"]
    assert lacking == []
    asked = [one for one in decisions(services.emulator, service.role, since) if one["session"] == "doctor"]
    # Only who may ask whether a queue is empty can try to receive; files are for the first file to tell.
    hard = {"TakeMessages": {"sqs:ReceiveMessage"}, "TakeNotifications": {"sqs:ReceiveMessage"}}
    for _, one in (of for of in _statements() if of[0] == role and of[1]["Sid"] != "Files"):
        assert unused(one, asked) - hard.get(one["Sid"], set()) == set(), one["Sid"]


@pytest.mark.parametrize(("role", "sid"), [(role, one["Sid"]) for role, one in _statements()])
def test_without_a_statement_a_journey_is_denied(
    services: Services, monkeypatch: pytest.MonkeyPatch, role: str, sid: str
) -> None:
    (statement,) = (one for of, one in _statements() if (of, one["Sid"]) == (role, sid))
    needing = [journey for journey in JOURNEYS if any(one == sid for one, _ in USED[role].get(journey, ()))]
    shortest_first = sorted(needing or JOURNEYS, key=lambda journey: TOOK_S.get(journey, 0))
    monkeypatch.setattr(people, "PATIENCE_S", PATIENCE_S)
    monkeypatch.setattr(people, "REQUEST_S", PATIENCE_S)
    emulator, service = services.emulator, services.of_role(role)
    since, said = emulator.audit.stat().st_size, service.log.stat().st_size
    end = time.monotonic() + DENIAL_S
    broke: Exception | None = None
    found, told = [], []
    with without(emulator, services.stacks["containers"], role, sid):
        for journey in itertools.cycle(shortest_first):
            try:
                journey(services)
            except Exception as error:  # noqa: BLE001 a journey may end in any way but well
                broke = error
            found, told = denied(emulator, service.role, since, statement), service.denials(said)
            if (found and told and broke) or time.monotonic() > end:
                break
    # What was left behind by a journey that broke off does not trouble the next one.
    for one in (services.gateway, services.persister, services.notifier):
        one.way.refuse_nothing()
    emulator.empty(services.stacks["data"])
    assert found, f"nobody missed {sid} of {role}"
    assert told, f"the {service.name} does not say that {found[0]['action']} was denied"
    assert broke, f"every journey ends well without {sid} of {role}"
    print(f"{role} without {sid}: {found[0]['action']} denied; {journey.__name__}: {type(broke).__name__}; {told[0]}")


def test_without_its_statement_nobody_fetches_the_secret_of_nodes(services: Services) -> None:
    """What ECS does as the role that starts containers, done here in its place."""
    assert set(services.gateway.secrets()) == {"DYNAMOWAVE_NODE_SECRET"}
    with (
        without(services.emulator, services.stacks["containers"], "ExecutionRole", "FetchSecret"),
        pytest.raises(ClientError, match="not authorized"),
    ):
        services.gateway.secrets()


def test_processes_that_were_denied_what_they_needed_go_on_with_it(services: Services) -> None:
    flows.every_command_becomes_an_event(services.emulator, services.stacks)
