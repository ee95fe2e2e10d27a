"""What the local form leaves out is what the lists of `render.py` name, each with its reason, and nothing more."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
import render
import template
from emulator import Emulator

NAMES = sorted(render.DROPPED_RESOURCES)


def rendered(name: str) -> dict[str, Any]:
    return render.render(name, "bucket", "key")


@pytest.mark.parametrize("name", NAMES)
def test_only_listed_resources_are_left_out(name: str) -> None:
    whole, local = template.load(name)["Resources"], rendered(name)["Resources"]
    left_out = set(whole) - set(local)
    listed = {one for one in whole if whole[one]["Type"] in render.DROPPED_TYPES} | set(render.DROPPED_RESOURCES[name])
    assert left_out == listed
    assert not set(local) - set(whole)


@pytest.mark.parametrize("name", NAMES)
def test_what_stays_differs_only_in_listed_properties(name: str) -> None:
    whole, local = template.load(name)["Resources"], rendered(name)["Resources"]
    for logical, resource in local.items():
        kind = resource["Type"]
        assert {key: resource.get(key) for key in ("Type", "Condition", "DeletionPolicy", "UpdateReplacePolicy")} == {
            key: whole[logical].get(key) for key in ("Type", "Condition", "DeletionPolicy", "UpdateReplacePolicy")
        }
        mine, theirs = resource.get("Properties", {}), whole[logical].get("Properties", {})
        if kind in ("AWS::IAM::Role", "AWS::IAM::RolePolicy"):
            mine = _with_one_name(mine)
        changed = {key for key in set(mine) | set(theirs) if mine.get(key) != theirs.get(key)}
        allowed = {prop for of, prop in render.DROPPED_PROPERTIES if of == kind}
        if kind == "AWS::CloudWatch::Alarm" and logical.startswith(("Persister", "Notifier")):
            # What scales is left out, so the alarm has nobody to tell.
            allowed.add("AlarmActions")
        assert changed <= allowed, logical


def _with_one_name(value: Any) -> Any:
    """Policies without the second names of rights."""
    if isinstance(value, dict):
        return {key: _with_one_name(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_one_name(part) for part in value if part not in render.BATCH_ACTIONS.values()]
    return value


def test_the_rest_of_a_template_differs_only_in_where_things_are() -> None:
    for name in NAMES:
        whole, local = template.load(name), rendered(name)
        for section in set(whole) | set(local):
            if section not in ("Resources", "Parameters", "Globals"):
                assert local.get(section) == whole.get(section), (name, section)
    whole, local = template.load("serverless"), rendered("serverless")
    assert set(local["Parameters"]) - set(whole["Parameters"]) == set(render.LOCAL_PARAMETERS)
    mine, theirs = local["Globals"]["Function"], whole["Globals"]["Function"]
    assert {key for key in mine if mine[key] != theirs[key]} == {"CodeUri", "Environment"}
    variables, theirs = mine["Environment"]["Variables"], theirs["Environment"]["Variables"]
    assert {key for key in variables if variables[key] != theirs.get(key)} == {
        "DYNAMOWAVE_POST_ENDPOINT",
        "DYNAMOWAVE_OWN_ORIGINS",
        "DYNAMOWAVE_PLAIN_HTTP",
    }


def test_every_listed_type_and_resource_is_in_a_template_and_has_a_reason() -> None:
    types = {one["Type"] for name in NAMES for one in template.load(name)["Resources"].values()}
    assert set(render.DROPPED_TYPES) <= types
    for name in NAMES:
        assert set(render.DROPPED_RESOURCES[name]) <= set(template.load(name)["Resources"])
    reasons = [
        *render.DROPPED_TYPES.values(),
        *render.DROPPED_PROPERTIES.values(),
        *(reason for listed in render.DROPPED_RESOURCES.values() for reason in listed.values()),
    ]
    assert all(len(reason) > 10 for reason in reasons)


@pytest.mark.parametrize("kind", sorted(render.DROPPED_TYPES))
def test_the_emulator_still_refuses_each_listed_type(emulator: Emulator, kind: str) -> None:
    """Whoever takes a newer emulator hears which entries of the list are no longer needed."""
    stack = "refused-" + kind.replace("::", "-")
    service = emulator.client("cloudformation")
    body = json.dumps({"Resources": {"One": {"Type": kind, "Properties": {}}}})
    why = ""
    with contextlib.suppress(service.exceptions.ClientError):
        try:
            service.create_stack(StackName=stack, TemplateBody=body)
        except service.exceptions.ClientError as error:
            why = str(error)
    assert "Unrecognized resource types" in why
