"""Roles as the deployed stacks have them: acting as one, and taking one statement away for a while."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from emulator import ACCOUNT, REGION, Emulator, Stack

# Statements whose removal the emulator does not notice, and why; `docs/operate/aws.md` says how to see it in an account.
UNSEEN = {
    "UseKey": "rights on keys are not enforced",
    "WriteLogs": "logs are written by the emulator itself",
}
# Those of handlers alone: a service takes its messages itself.
UNSEEN_OF_HANDLERS = {
    **UNSEEN,
    "TakeMessages": "the emulator takes messages from queues with its own rights",
    "TakeNotifications": "the emulator takes messages from queues with its own rights",
}


def keys_of(emulator: Emulator, role: str, session: str = "tests") -> dict[str, str]:
    """Credentials with the rights of a role and no others; the audit knows who uses them by the session."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    return emulator.client("sts").assume_role(RoleArn=arn, RoleSessionName=session)["Credentials"]


def acting_as(emulator: Emulator, role: str, service: str, path: str = "") -> Any:
    """A client with the rights of a role and no others, for a service at a path of the emulator."""
    keys = keys_of(emulator, role)
    return boto3.client(
        service,
        endpoint_url=f"{emulator.url}{path}",
        region_name=REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        config=Config(retries={"max_attempts": 1}, parameter_validation=False),
    )


def decisions(emulator: Emulator, role: str, since: int) -> list[dict[str, str]]:
    """What was decided about the requests of a role, from this place in the audit on."""
    with emulator.audit.open(encoding="utf-8") as audit:
        audit.seek(since)
        lines = [json.loads(line) for line in audit]
    return [line for line in lines if line["role"] == role]


def denied(emulator: Emulator, role: str, since: int, statement: dict[str, Any]) -> list[dict[str, str]]:
    """Requests of a role that this statement would have allowed."""
    actions = {one for action in statement["Action"] for one in (action, f"{action}Batch")}
    found = decisions(emulator, role, since)
    return [one for one in found if one["decision"] == "ImplicitDeny" and one["action"] in actions]


def used(decided: list[dict[str, str]]) -> set[tuple[str, str]]:
    """Statements by which requests were allowed, with their actions."""
    return {(one["sid"], one["action"]) for one in decided if one["decision"] == "Allow"}


def unused(statement: dict[str, Any], decided: list[dict[str, str]]) -> set[str]:
    """Actions of a statement that none of these requests needed."""
    actions = {action for sid, action in used(decided) if sid == statement["Sid"]}
    # Both names of one right.
    actions |= {action.removesuffix("Batch") for action in actions}
    return set(statement["Action"]) - actions


@contextlib.contextmanager
def without(emulator: Emulator, stack: Stack, role: str, sid: str) -> Iterator[None]:
    """The deployed role without one of its statements, for the length of a block."""
    roles, name = emulator.client("iam"), stack.resources[role]
    (policy,) = roles.list_role_policies(RoleName=name)["PolicyNames"]
    whole = roles.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    kept = [one for one in whole["Statement"] if one["Sid"] != sid]
    assert len(kept) == len(whole["Statement"]) - 1
    document = json.dumps({**whole, "Statement": kept})
    roles.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
    try:
        yield
    finally:
        roles.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(whole))
