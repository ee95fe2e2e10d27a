"""Each statement of a handler grants what it names on what it names: acting as the role, every action passes, and is
denied without it.

That a handler needs each statement, and no other, is proved by its flows (`test_flows.py`); the services prove both by
theirs (`test_services.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import render
import template
from botocore.exceptions import ClientError
from emulator import Emulator, Stack
from roles import UNSEEN, acting_as, without

Stacks = dict[str, Stack]
Probe = Callable[[Any, str], Any]

KEY = {"pk": {"S": "probe"}, "sk": {"S": "-"}}


def _transact(write: dict[str, Any]) -> Probe:
    return lambda client, on: client.transact_write_items(
        TransactItems=[{kind: {"TableName": on, **about} for kind, about in write.items()}]
    )


# The smallest request of each action, given a client and what its statement is for.
PROBES: dict[str, Probe] = {
    "dynamodb:BatchGetItem": lambda client, on: client.batch_get_item(RequestItems={on: {"Keys": [KEY]}}),
    "dynamodb:GetItem": lambda client, on: client.get_item(TableName=on, Key=KEY),
    "dynamodb:Query": lambda client, on: client.query(
        TableName=on, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "probe"}}
    ),
    "dynamodb:BatchWriteItem": lambda client, on: client.batch_write_item(
        RequestItems={on: [{"DeleteRequest": {"Key": KEY}}]}
    ),
    "dynamodb:ConditionCheckItem": _transact(
        {"ConditionCheck": {"Key": KEY, "ConditionExpression": "attribute_not_exists(pk)"}}
    ),
    "dynamodb:DeleteItem": lambda client, on: client.delete_item(TableName=on, Key=KEY),
    "dynamodb:PutItem": lambda client, on: client.put_item(TableName=on, Item=KEY),
    "dynamodb:UpdateItem": lambda client, on: client.update_item(TableName=on, Key=KEY),
    "sqs:SendMessage": lambda client, on: client.send_message(
        QueueUrl=on, MessageBody="probe", MessageGroupId="probe", MessageDeduplicationId="probe"
    ),
    "sqs:GetQueueAttributes": lambda client, on: client.get_queue_attributes(QueueUrl=on, AttributeNames=["All"]),
    "sqs:ReceiveMessage": lambda client, on: client.receive_message(QueueUrl=on, WaitTimeSeconds=0),
    "sqs:DeleteMessage": lambda client, on: client.delete_message(QueueUrl=on, ReceiptHandle="none"),
    "sqs:ChangeMessageVisibility": lambda client, on: client.change_message_visibility(
        QueueUrl=on, ReceiptHandle="none", VisibilityTimeout=0
    ),
    "secretsmanager:GetSecretValue": lambda client, on: client.get_secret_value(SecretId=on),
    "s3:GetObject": lambda client, on: client.get_object(Bucket=on, Key="probe"),
    "s3:PutObject": lambda client, on: client.put_object(Bucket=on, Key="probe", Body=b""),
    "s3:DeleteObject": lambda client, on: client.delete_object(Bucket=on, Key="probe"),
    "s3:AbortMultipartUpload": lambda client, on: client.abort_multipart_upload(Bucket=on, Key="p", UploadId="none"),
    "lambda:InvokeFunction": lambda client, on: client.invoke(FunctionName=on, Payload=b"{}", InvocationType="DryRun"),
    "execute-api:ManageConnections": lambda client, on: client.post_to_connection(ConnectionId="none", Data=b"{}"),
}


def _cases() -> list[tuple[str, str]]:
    statements = template.statements(template.resolve(template.load("serverless")))
    return [(role, one["Sid"]) for role, one in statements if one["Sid"] not in UNSEEN]


def _resource(stacks: Stacks, statement: dict[str, Any]) -> str:
    """What a client calls the resource of a deployed statement."""
    found = statement["Resource"]
    arn = found[0] if isinstance(found, list) else found
    kind, last = arn.split(":")[2], arn.rsplit(":", 1)[-1]
    match kind:
        case "dynamodb":
            return last.removeprefix("table/")
        case "sqs":
            urls = [value for stack in stacks.values() for value in (*stack.outputs.values(), *stack.resources.values())]
            return next(url for url in urls if url.startswith("http") and url.endswith("/" + last))
        case "s3":
            return last.removesuffix("/*")
        case "execute-api":
            return last.split("/")[0]
    return arn


def _is_denied(emulator: Emulator, role: str, action: str, on: str) -> bool:
    service, path = action.split(":")[0], ""
    if service == "execute-api":
        service, path = "apigatewaymanagementapi", f"/_aws/execute-api/{on}/live"
    try:
        PROBES[action](acting_as(emulator, role, service, path), on)
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "403")
    return False


@pytest.mark.parametrize(("role", "sid"), _cases())
def test_a_statement_grants_its_actions_and_nobody_else_does(
    emulator: Emulator, stacks: Stacks, role: str, sid: str
) -> None:
    physical = stacks["serverless"].resources[role]
    iam = emulator.client("iam")
    (policy,) = iam.list_role_policies(RoleName=physical)["PolicyNames"]
    document = iam.get_role_policy(RoleName=physical, PolicyName=policy)["PolicyDocument"]
    (statement,) = (one for one in document["Statement"] if one["Sid"] == sid)
    on = _resource(stacks, statement)
    # The other names of the same rights have the same probe.
    actions = [action for action in statement["Action"] if action not in render.BATCH_ACTIONS.values()]
    denied = [action for action in actions if _is_denied(emulator, physical, action, on)]
    assert denied == [], f"denied with {sid}"
    with without(emulator, stacks["serverless"], role, sid):
        allowed = [action for action in actions if not _is_denied(emulator, physical, action, on)]
    assert allowed == [], f"allowed without {sid}"
