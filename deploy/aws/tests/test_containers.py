"""What `containers.yaml` promises: TLS, the firewall, private tasks, scaling, safe deployments, drain, alarms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import template

NEEDED = {
    "Image": "repository/dynamowave@sha256:0",
    "ImageRepositoryArn": "arn:aws:ecr:eu-west-1:000000000000:repository/dynamowave",
    "DomainName": "chat.example.org",
    "HostedZoneId": "Z1",
}
SECOND = {"RegionRole": "primary"}
SERVICES = {"Gateway", "Persister", "Notifier"}


def resolved(**parameters: Any) -> dict[str, Any]:
    return template.resolve(template.load("containers"), **NEEDED, **parameters)


def services() -> dict[str, dict[str, Any]]:
    found = template.of_type(resolved(), "AWS::ECS::Service")
    return {name.removesuffix("Service"): one for name, one in found.items()}


def containers() -> dict[str, dict[str, Any]]:
    found = template.of_type(resolved(), "AWS::ECS::TaskDefinition")
    return {name.removesuffix("Task"): one["ContainerDefinitions"][0] for name, one in found.items()}


def attributes(of: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["Key"]: one["Value"] for one in of}


def test_people_reach_the_gateways_by_tls_only() -> None:
    listeners = template.of_type(resolved(), "AWS::ElasticLoadBalancingV2::Listener")
    assert listeners["HttpsListener"]["Protocol"] == "HTTPS"
    assert "TLS13-1-2" in listeners["HttpsListener"]["SslPolicy"]
    (action,) = listeners["PlainListener"]["DefaultActions"]
    assert action["RedirectConfig"]["Protocol"] == "HTTPS"
    (group,) = template.of_type(resolved(), "AWS::ElasticLoadBalancingV2::TargetGroup").values()
    assert group["Protocol"] == group["HealthCheckProtocol"] == "HTTPS"


def test_the_load_balancer_is_made_for_sockets() -> None:
    (balancer,) = template.of_type(resolved(), "AWS::ElasticLoadBalancingV2::LoadBalancer").values()
    assert attributes(balancer["LoadBalancerAttributes"])["idle_timeout.timeout_seconds"] == "4000"
    (group,) = template.of_type(resolved(), "AWS::ElasticLoadBalancingV2::TargetGroup").values()
    assert group["HealthCheckPath"] == "/readyz"
    of_group = attributes(group["TargetGroupAttributes"])
    assert of_group["load_balancing.algorithm.type"] == "least_outstanding_requests"
    assert of_group["stickiness.enabled"] == "false"


def test_a_firewall_stands_before_the_load_balancer() -> None:
    (association,) = template.of_type(resolved(), "AWS::WAFv2::WebACLAssociation").values()
    assert association == {"ResourceArn": {"Ref": "Balancer"}, "WebACLArn": {"Fn::GetAtt": ["WebAcl", "Arn"]}}


def test_a_stopping_gateway_has_time_to_send_its_clients_away() -> None:
    (group,) = template.of_type(resolved(), "AWS::ElasticLoadBalancingV2::TargetGroup").values()
    drain = attributes(group["TargetGroupAttributes"])["deregistration_delay.timeout_seconds"]
    gateway = containers()["Gateway"]
    assert {"Fn::Sub": "server.drain_timeout_ms=${DrainSeconds}000"} in gateway["Command"]
    assert drain == 60
    assert drain < gateway["StopTimeout"] <= 120


def test_each_service_runs_its_part_of_the_program() -> None:
    for name, container in containers().items():
        assert container["Command"][:3] == [name.lower(), "--backend", "aws"]
        assert container["Image"] == NEEDED["Image"]


def test_a_worker_that_no_longer_works_is_replaced() -> None:
    """The load balancer asks gateways; workers take no connections, so each is asked inside its container."""
    for name in SERVICES - {"Gateway"}:
        container = containers()[name]
        (health,) = (one["Value"] for one in container["Environment"] if one["Name"] == "DYNAMOWAVE_NODE_HEALTH")
        assert container["HealthCheck"]["Command"] == [
            "CMD", "/usr/local/bin/dynamowave", "ready", "--url", f"http://{health}",
        ]  # fmt: skip
        assert health.startswith("127.0.0.1:")


def test_each_service_has_a_role_of_its_own() -> None:
    tasks = template.of_type(resolved(), "AWS::ECS::TaskDefinition")
    roles = {name: one["TaskRoleArn"]["Fn::GetAtt"][0] for name, one in tasks.items()}
    assert roles == {f"{name}Task": f"{name}Role" for name in SERVICES}


def test_containers_have_no_rights_on_their_machine() -> None:
    for container in containers().values():
        assert container["User"] == "65532:65532"
        assert container["ReadonlyRootFilesystem"] is True
        assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}


def test_a_version_that_does_not_come_up_is_taken_back() -> None:
    for service in services().values():
        assert service["DeploymentConfiguration"] == {
            "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
            "MinimumHealthyPercent": 100,
            "MaximumPercent": 200,
        }


def test_tasks_lie_in_private_subnets_of_two_zones() -> None:
    subnets = template.of_type(resolved(), "AWS::EC2::Subnet")
    zones = {subnets[f"PrivateSubnet{zone}"]["AvailabilityZone"]["Fn::Select"][0] for zone in "AB"}
    assert zones == {0, 1}
    for service in services().values():
        network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network["AssignPublicIp"] == "DISABLED"
        assert network["Subnets"] == [{"Ref": "PrivateSubnetA"}, {"Ref": "PrivateSubnetB"}]


def test_tasks_reach_services_privately_or_by_nat() -> None:
    def kinds(**parameters: Any) -> tuple[set[str], int]:
        whole = resolved(**parameters)
        endpoints = template.of_type(whole, "AWS::EC2::VPCEndpoint").values()
        services = {one["ServiceName"]["Fn::Sub"].split("}.")[1] for one in endpoints}
        return services, len(template.of_type(whole, "AWS::EC2::NatGateway"))

    gateways = {"s3", "dynamodb"}
    assert kinds() == (gateways | {"sqs", "logs", "ecr.api", "ecr.dkr", "secretsmanager"}, 0)
    assert kinds(Egress="nat") == (gateways, 2)


def test_nodes_talk_among_themselves_on_their_port_only() -> None:
    rules = template.of_type(resolved(), "AWS::EC2::SecurityGroupIngress")
    ports = {(one["GroupId"]["Ref"], one["FromPort"]) for one in rules.values()}
    assert ports == {
        ("BalancerGroup", 443),
        ("BalancerGroup", 80),
        ("GatewayGroup", 8443),
        ("GatewayGroup", 7443),
        ("EndpointsGroup", 443),
    }
    assert rules["GatewaysFromGateways"]["SourceSecurityGroupId"] == {"Ref": "GatewayGroup"}
    world = {name for name, one in rules.items() if one.get("CidrIp") == "0.0.0.0/0"}
    assert world == {"BalancerFromWorld", "BalancerFromWorldPlain"}


def test_gateways_scale_by_open_sockets() -> None:
    policy = template.of_type(resolved(), "AWS::ApplicationAutoScaling::ScalingPolicy")["GatewayByConnections"]
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 8000
    metrics = {one["Id"]: one for one in tracking["CustomizedMetricSpecification"]["Metrics"]}
    assert metrics["ends"]["MetricStat"]["Metric"]["MetricName"] == "ActiveConnectionCount"
    assert metrics["each"] == {"Id": "each", "Expression": "ends / 2 / tasks", "ReturnData": True}


def test_workers_scale_by_the_age_of_their_queue() -> None:
    alarms = template.of_type(resolved(), "AWS::CloudWatch::Alarm")
    policies = template.of_type(resolved(), "AWS::ApplicationAutoScaling::ScalingPolicy")
    for worker, queue in (("Persister", "Messages"), ("Notifier", "Notifications")):
        for alarm, policy, sign in (("Late", "More", 1), ("Idle", "Fewer", -1)):
            about = alarms[f"{worker}{alarm}Alarm"]
            assert about["MetricName"] == "ApproximateAgeOfOldestMessage"
            assert f"-{queue}QueueName" in str(about["Dimensions"])
            assert about["AlarmActions"] == [{"Ref": f"{worker}{policy}"}]
            steps = policies[f"{worker}{policy}"]["StepScalingPolicyConfiguration"]["StepAdjustments"]
            assert all(step["ScalingAdjustment"] * sign > 0 for step in steps)


def test_every_service_scales_between_bounds() -> None:
    targets = template.of_type(resolved(), "AWS::ApplicationAutoScaling::ScalableTarget")
    assert {name.removesuffix("Scaling") for name in targets} == SERVICES
    assert all(2 == one["MinCapacity"] < one["MaxCapacity"] for one in targets.values())


def test_a_second_region_is_found_by_health() -> None:
    record = template.of_type(resolved(**SECOND), "AWS::Route53::RecordSet")["Name"]
    assert (record["Failover"], record["HealthCheckId"]) == ("PRIMARY", {"Ref": "Health"})
    replica = {**SECOND, "RegionRole": "replica"}
    assert template.of_type(resolved(**replica), "AWS::Route53::RecordSet")["Name"]["Failover"] == "SECONDARY"
    assert "Failover" not in template.of_type(resolved(), "AWS::Route53::RecordSet")["Name"]


def test_alarms_watch_errors_latency_connections_and_tasks() -> None:
    alarms = template.of_type(resolved(), "AWS::CloudWatch::Alarm")
    loud = {name for name, one in alarms.items() if "OKActions" in one}
    assert loud == {
        "ErrorsAlarm",
        "BalancerErrorsAlarm",
        "ThrottlesAlarm",
        "LatencyAlarm",
        "UnhealthyAlarm",
        "ConnectionsAlarm",
        "GatewayTasksAlarm",
        "PersisterTasksAlarm",
        "NotifierTasksAlarm",
    }
    for name in loud:
        assert alarms[name]["AlarmActions"] == [{"Fn::ImportValue": {"Fn::Sub": "${DataStack}-AlarmTopicArn"}}]


def test_every_variable_is_an_option_of_the_program() -> None:
    """It refuses to start with one that is none."""
    source = (Path(__file__).parents[3] / "crates/cli/src/config/mod.rs").read_text(encoding="utf-8")
    options = {
        f"DYNAMOWAVE_{section}_{option}".upper()
        for section, fields in re.findall(r"pub\(crate\) struct (\w+) \{\n(.*?)\n\}", source, re.DOTALL)
        for option in re.findall(r"pub\(crate\) (\w+):", fields)
    }
    for name, container in containers().items():
        variables = {one["Name"] for one in (*container["Environment"], *container.get("Secrets", ()))}
        assert variables - options == set(), name
