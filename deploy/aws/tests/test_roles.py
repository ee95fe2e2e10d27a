"""Rights: every statement names its actions and its resource, every role says no more than its page in the book."""

from __future__ import annotations

from typing import Any

import pytest
import statements as page
import template
from roles import UNSEEN_OF_HANDLERS
from test_serverless import HANDLERS

# Statements for everything of a kind, because AWS knows nothing narrower, and why.
EVERYTHING = {("ExecutionRole", "LogInToRegistry"): "a login to the registry is for no repository in particular"}
# What a home passes on, so that all variants are looked at.
VARIANTS: dict[str, dict[str, Any]] = {
    "data": {"SecondRegion": "eu-central-1", "SecondRegionFilesBucket": "files"},
    "serverless": {},
    "containers": {},
}
NAMES = sorted(VARIANTS)


def statements(name: str) -> list[tuple[str, dict[str, Any]]]:
    given = VARIANTS[name]
    needed = {
        key: "given"
        for key, about in template.load(name)["Parameters"].items()
        if "Default" not in about and key not in given
    }
    return template.statements(template.resolve(template.load(name), **needed, **given))


def resources(statement: dict[str, Any]) -> list[Any]:
    found = statement["Resource"]
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("name", NAMES)
def test_every_statement_allows_named_actions(name: str) -> None:
    assert statements(name)
    for role, statement in statements(name):
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            assert "*" not in action, (role, statement["Sid"], action)
            assert ":" in action


@pytest.mark.parametrize("name", NAMES)
def test_every_statement_is_for_named_resources(name: str) -> None:
    for role, statement in statements(name):
        if (role, statement["Sid"]) not in EVERYTHING:
            assert "*" not in resources(statement), (role, statement["Sid"])


def test_exceptions_for_everything_are_still_needed() -> None:
    found = {(role, one["Sid"]) for name in NAMES for role, one in statements(name) if one["Resource"] == "*"}
    assert found == set(EVERYTHING)


@pytest.mark.parametrize("name", NAMES)
def test_every_statement_has_a_name_of_its_own_in_its_role(name: str) -> None:
    names = [(role, one["Sid"]) for role, one in statements(name)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", NAMES)
def test_nobody_gets_a_policy_of_others_but_the_gateway_for_its_logs(name: str) -> None:
    roles = template.of_type(template.load(name), "AWS::IAM::Role")
    managed = {role for role, about in roles.items() if "ManagedPolicyArns" in about}
    assert managed == ({"ApiGatewayLogRole"} if name == "serverless" else set())


@pytest.mark.parametrize("name", ["serverless", "containers"])
def test_the_key_serves_only_those_services_that_a_role_uses(name: str) -> None:
    service_of = {"dynamodb": "dynamodb", "sqs": "sqs", "s3": "s3", "secretsmanager": "secretsmanager"}
    by_role: dict[str, list[dict[str, Any]]] = {}
    for role, statement in statements(name):
        by_role.setdefault(role, []).append(statement)
    for role, all_of in by_role.items():
        used = {
            service_of[action.split(":")[0]]
            for one in all_of
            for action in one["Action"]
            if action.split(":")[0] in service_of
        }
        keys = [one for one in all_of if one["Sid"] == "UseKey"]
        through = {
            part["Fn::Sub"].split(".")[0] for one in keys for part in one["Condition"]["StringEquals"]["kms:ViaService"]
        }
        assert through == used, role


def test_the_warmer_may_call_the_handlers_and_touch_no_data() -> None:
    (call, logs) = (one for role, one in statements("serverless") if role == "WarmRole")
    assert call["Action"] == ["lambda:InvokeFunction"]
    assert {one["Ref"] for one in resources(call)} == {f"{name}Function.Alias" for name in HANDLERS - {"Warm"}}
    assert logs["Sid"] == "WriteLogs"


def test_only_those_who_post_to_sockets_may() -> None:
    posting = {role for role, one in statements("serverless") if "execute-api:ManageConnections" in one["Action"]}
    assert posting == {"SendRole", "DefaultRole", "NotifyRole"}


def test_no_handler_scans_a_table_or_changes_what_is_deployed() -> None:
    for name in ("serverless", "containers"):
        actions = {action for _, one in statements(name) for action in one["Action"]}
        assert "dynamodb:Scan" not in actions
        for action in actions:
            service, operation = action.split(":")
            assert not operation.startswith(("Create", "Delete", "Put", "Update")) or action in {
                "dynamodb:DeleteItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
                "logs:CreateLogStream",
                "logs:PutLogEvents",
                "s3:DeleteObject",
                "s3:PutObject",
                "sqs:DeleteMessage",
            }, action
            assert service != "iam"


def test_the_book_shows_every_statement() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.with_table(text) == text, "run `python3 deploy/aws/statements.py --write`"


def test_statements_that_the_emulator_does_not_notice_are_named_in_the_book() -> None:
    named = {one["Sid"] for name in NAMES for _, one in statements(name)}
    text = page.PAGE.read_text(encoding="utf-8")
    for sid, reason in UNSEEN_OF_HANDLERS.items():
        assert sid in named
        assert len(reason) > 10
        assert f"`{sid}`" in text


def test_the_book_says_what_to_do_at_each_alarm() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    alarms = {alarm for name in NAMES for alarm in template.of_type(template.load(name), "AWS::CloudWatch::Alarm")}
    assert {alarm for alarm in alarms if f"`{alarm}`" not in text} == set()
