"""What was deployed reads back as promised, and deleting leaves the data and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
import render
import template
from emulator import Emulator, Stack

HANDLERS = {"Authorizer", "Connect", "Disconnect", "Send", "Default", "Http", "Persist", "Notify", "Warm"}
Stacks = dict[str, Stack]


@pytest.mark.parametrize("name", ["data", "serverless", "containers"])
def test_every_stack_is_made_whole(stacks: Stacks, name: str) -> None:
    assert stacks[name].status == "CREATE_COMPLETE"
    wanted = template.resolve(render.render(name, "code", "bootstrap.zip"))
    missing = set(wanted["Resources"]) - set(stacks[name].resources)
    assert not missing


def test_every_output_has_a_value(stacks: Stacks) -> None:
    for stack in stacks.values():
        assert stack.outputs
        assert all(stack.outputs.values())


def queue(emulator: Emulator, stacks: Stacks, output: str) -> dict[str, str]:
    url = stacks["data"].outputs[output]
    return emulator.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


@pytest.mark.parametrize("name", ["Messages", "Notifications"])
def test_queues_are_fifo_of_high_throughput_with_a_dead_letter_queue(
    emulator: Emulator, stacks: Stacks, name: str
) -> None:
    for output in (f"{name}QueueUrl", f"{name}DeadQueueUrl"):
        about = queue(emulator, stacks, output)
        assert about["FifoQueue"] == "true"
        assert about["DeduplicationScope"] == "messageGroup"
        assert about["FifoThroughputLimit"] == "perMessageGroupId"
        assert about["KmsMasterKeyId"] == stacks["data"].outputs["KeyArn"]
        assert about["MessageRetentionPeriod"] == "1209600"
    redrive = json.loads(queue(emulator, stacks, f"{name}QueueUrl")["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == stacks["data"].outputs[f"{name}DeadQueueArn"]
    assert int(redrive["maxReceiveCount"]) == 10


@pytest.mark.parametrize("output", ["MainTable", "LiveTable"])
def test_tables_have_the_keys_of_the_backend(emulator: Emulator, stacks: Stacks, output: str) -> None:
    table = emulator.client("dynamodb").describe_table(TableName=stacks["data"].outputs[output])["Table"]
    assert {key["AttributeName"]: key["KeyType"] for key in table["KeySchema"]} == {"pk": "HASH", "sk": "RANGE"}
    assert {one["AttributeType"] for one in table["AttributeDefinitions"]} == {"S"}
    if output == "MainTable":
        assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"


def test_the_key_rotates(emulator: Emulator, stacks: Stacks) -> None:
    key = stacks["data"].outputs["KeyArn"]
    assert emulator.client("kms").get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]


def test_every_handler_is_a_function_with_a_role_of_its_own(emulator: Emulator, stacks: Stacks) -> None:
    functions = emulator.client("lambda")
    roles = set()
    for handler in HANDLERS:
        name = stacks["serverless"].resources[f"{handler}Function"]
        about = functions.get_function_configuration(FunctionName=name)
        variables = about["Environment"]["Variables"]
        assert variables["DYNAMOWAVE_HANDLER"] == handler.lower()
        assert variables["DYNAMOWAVE_AWS_MAIN_TABLE"] == stacks["data"].outputs["MainTable"]
        assert variables["DYNAMOWAVE_AWS_MESSAGES_QUEUE"] == stacks["data"].outputs["MessagesQueueUrl"]
        assert about["Runtime"] == "provided.al2023"
        assert functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"] != "$LATEST"
        roles.add(about["Role"])
    assert len(roles) == len(HANDLERS)


def test_roles_read_back_as_written(emulator: Emulator, stacks: Stacks) -> None:
    roles = emulator.client("iam")
    for name in ("serverless", "containers"):
        wanted = template.resolve(render.render(name, "code", "bootstrap.zip"))
        by_role: dict[str, list[dict[str, Any]]] = {}
        for role, statement in template.statements(wanted):
            by_role.setdefault(role, []).append(statement)
        assert by_role
        for role, statements in by_role.items():
            physical = stacks[name].resources[role]
            deployed = [
                statement
                for policy in roles.list_role_policies(RoleName=physical)["PolicyNames"]
                for statement in roles.get_role_policy(RoleName=physical, PolicyName=policy)["PolicyDocument"][
                    "Statement"
                ]
            ]
            assert [(one["Sid"], one["Action"]) for one in deployed] == [
                (one["Sid"], one["Action"]) for one in statements
            ]
            assert not any("Fn::" in json.dumps(one) or '"Ref"' in json.dumps(one) for one in deployed)


def test_routes_lead_to_their_handlers_and_only_connecting_asks_who(emulator: Emulator, stacks: Stacks) -> None:
    gateway = emulator.client("apigatewayv2")
    api = stacks["serverless"].outputs["WebSocketApi"]
    assert gateway.get_api(ApiId=api)["RouteSelectionExpression"] == "$request.body.action"
    routes = {route["RouteKey"]: route for route in gateway.get_routes(ApiId=api)["Items"]}
    assert set(routes) == {"$connect", "$disconnect", "sendMessage", "$default"}
    assert routes["$connect"]["AuthorizationType"] == "CUSTOM"
    integrations = {one["IntegrationId"]: one for one in gateway.get_integrations(ApiId=api)["Items"]}
    handlers = {"$connect": "Connect", "$disconnect": "Disconnect", "sendMessage": "Send", "$default": "Default"}
    for key, handler in handlers.items():
        integration = integrations[routes[key]["Target"].removeprefix("integrations/")]
        function = stacks["serverless"].resources[f"{handler}Function"]
        assert f":function:{function}:live/invocations" in integration["IntegrationUri"]
    (authorizer,) = gateway.get_authorizers(ApiId=api)["Items"]
    assert authorizer["AuthorizerType"] == "REQUEST"
    assert authorizer["IdentitySource"] == ["route.request.header.x-dynamowave-origin"]


def test_stages_write_access_logs_without_queries(emulator: Emulator, stacks: Stacks) -> None:
    gateway = emulator.client("apigatewayv2")
    for output, stage in (("WebSocketApi", "live"), ("HttpApi", "$default")):
        about = gateway.get_stage(ApiId=stacks["serverless"].outputs[output], StageName=stage)
        assert about["AccessLogSettings"]["DestinationArn"].startswith("arn:aws:logs:")
        assert "query" not in about["AccessLogSettings"]["Format"].lower()


def test_workers_take_batches_and_give_back_only_what_failed(emulator: Emulator, stacks: Stacks) -> None:
    functions = emulator.client("lambda")
    for handler, queue_arn in (("Persist", "MessagesQueueArn"), ("Notify", "NotificationsQueueArn")):
        trigger = functions.get_event_source_mapping(UUID=stacks["serverless"].resources[f"{handler}Trigger"])
        assert trigger["EventSourceArn"] == stacks["data"].outputs[queue_arn]
        assert trigger["BatchSize"] == 10
        assert trigger["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert int(trigger["ScalingConfig"]["MaximumConcurrency"]) == 100


def test_the_warmer_is_scheduled_and_says_what_handlers_answer_at_once(emulator: Emulator, stacks: Stacks) -> None:
    events = emulator.client("events")
    rule = stacks["serverless"].resources["WarmSchedule"].rsplit("/", 1)[-1]
    assert events.describe_rule(Name=rule)["ScheduleExpression"] == "rate(5 minutes)"
    (target,) = events.list_targets_by_rule(Rule=rule)["Targets"]
    assert json.loads(target["Input"]) == {"dynamowave": "warm"}
    assert stacks["serverless"].resources["WarmFunction"] in target["Arn"]


def test_alarms_go_to_the_topic(emulator: Emulator, stacks: Stacks) -> None:
    topic = stacks["data"].outputs["AlarmTopicArn"]
    alarms = {one["AlarmName"]: one for one in emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    of_scaling = {"PersisterLateAlarm", "PersisterIdleAlarm", "NotifierLateAlarm", "NotifierIdleAlarm"}
    for name in ("data", "serverless", "containers"):
        wanted = template.of_type(template.resolve(render.render(name, "code", "k")), "AWS::CloudWatch::Alarm")
        assert wanted
        for logical in wanted:
            alarm = alarms[stacks[name].resources[logical]]
            assert alarm["AlarmActions"] == ([] if logical in of_scaling else [topic]), logical


def test_the_load_balancer_speaks_tls_and_spreads_by_what_is_open(emulator: Emulator, stacks: Stacks) -> None:
    balancers = emulator.client("elbv2")
    made = stacks["containers"].resources
    listeners = balancers.describe_listeners(LoadBalancerArn=made["Balancer"])["Listeners"]
    actions = {one["Protocol"]: one["DefaultActions"][0]["Type"] for one in listeners}
    assert actions == {"HTTPS": "forward", "HTTP": "redirect"}
    attributes = balancers.describe_load_balancer_attributes(LoadBalancerArn=made["Balancer"])["Attributes"]
    assert {"Key": "idle_timeout.timeout_seconds", "Value": "4000"} in attributes
    attributes = balancers.describe_target_group_attributes(TargetGroupArn=made["Gateways"])["Attributes"]
    assert {"Key": "load_balancing.algorithm.type", "Value": "least_outstanding_requests"} in attributes
    (group,) = balancers.describe_target_groups(TargetGroupArns=[made["Gateways"]])["TargetGroups"]
    assert (group["Protocol"], group["HealthCheckPath"]) == ("HTTPS", "/readyz")


def test_services_run_their_part_of_the_program_and_take_back_a_bad_version(
    emulator: Emulator, stacks: Stacks
) -> None:
    services = emulator.client("ecs")
    made = stacks["containers"].resources
    for name in ("Gateway", "Persister", "Notifier"):
        task = services.describe_task_definition(taskDefinition=made[f"{name}Task"])["taskDefinition"]
        (container,) = task["containerDefinitions"]
        assert container["command"][:3] == [name.lower(), "--backend", "aws"]
        about = services.describe_services(cluster=made["Cluster"], services=[made[f"{name}Service"]])
        (service,) = about["services"]
        assert service["deploymentConfiguration"]["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}


def test_deleting_keeps_the_data_and_nothing_else() -> None:
    """On an emulator of its own, because it takes the stacks away."""
    import emulator as emulators

    with emulators.running() as own:
        stacks = own.deploy_all(None)
        for name in ("containers", "serverless", "data"):
            own.delete(stacks[name])
        data = stacks["data"].outputs
        tables = own.client("dynamodb").list_tables()["TableNames"]
        assert set(tables) == {data["MainTable"], data["LiveTable"]}
        urls = own.client("sqs").list_queues().get("QueueUrls", [])
        assert {url.rsplit("/", 1)[-1] for url in urls} == {
            data[f"{queue}{dead}QueueUrl"].rsplit("/", 1)[-1]
            for queue in ("Messages", "Notifications")
            for dead in ("", "Dead")
        }
        buckets = {bucket["Name"] for bucket in own.client("s3").list_buckets()["Buckets"]}
        assert buckets == {data["FilesBucket"], data["LogsBucket"], "code"}
        assert own.client("kms").describe_key(KeyId=data["KeyArn"])["KeyMetadata"]["KeyState"] == "Enabled"
        assert own.client("lambda").list_functions()["Functions"] == []
        assert own.client("apigatewayv2").get_apis()["Items"] == []
        assert own.client("ecs").list_clusters()["clusterArns"] == []
        roles = own.client("iam").list_roles()["Roles"]
        left = {role["RoleName"] for role in roles if role["RoleName"].startswith("dynamowave")}
        assert left == {stacks["serverless"].resources["ApiGatewayLogRole"]}
