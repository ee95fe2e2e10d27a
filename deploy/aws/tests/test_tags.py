"""Costs can be told apart: everything that is paid for and takes tags has those of the installation."""

from __future__ import annotations

from typing import Any

import pytest
import template

# Types that take tags as a list, and those that take them as a map.
LISTED = {
    "AWS::CertificateManager::Certificate",
    "AWS::CloudFront::Distribution",
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::EIP",
    "AWS::EC2::FlowLog",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::NatGateway",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCEndpoint",
    "AWS::ECS::Cluster",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::KMS::ReplicaKey",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "AWS::WAFv2::WebACL",
}
MAPPED = {"AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::Stage"}
# Types that take none, cost nothing, or have theirs elsewhere.
WITHOUT = {
    "AWS::ApiGateway::Account",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Deployment",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::RouteResponse",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudFront::Function",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::EC2::Route",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::Events::Rule",
    "AWS::IAM::RolePolicy",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::Logs::MetricFilter",
    "AWS::Route53::RecordSet",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACLAssociation",
}
WANTED = {"application": "dynamowave", "environment": {"Ref": "Environment"}}
NAMES = ["data", "serverless", "containers", "edge"]


def tags(resource: dict[str, Any], globally: dict[str, Any]) -> dict[str, Any]:
    properties = resource.get("Properties", {})
    match resource["Type"]:
        case "AWS::Serverless::Function":
            return globally["Function"]["Tags"]
        case "AWS::DynamoDB::GlobalTable":
            return listed(properties["Replicas"][0]["Tags"])
        case "AWS::Route53::HealthCheck":
            return listed(properties["HealthCheckTags"])
        case kind if kind in MAPPED:
            return properties["Tags"]
    return listed(properties["Tags"])


def listed(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["Key"]: one["Value"] for one in found}


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_is_paid_for_is_tagged_for_cost_allocation(name: str) -> None:
    whole = template.load(name)
    for logical, resource in whole["Resources"].items():
        if resource["Type"] in WITHOUT:
            continue
        found = tags(resource, whole.get("Globals", {}))
        assert {key: found.get(key) for key in WANTED} == WANTED, logical
        assert found["component"], logical


@pytest.mark.parametrize("name", NAMES)
def test_every_type_is_known_to_take_tags_or_not(name: str) -> None:
    special = {"AWS::Serverless::Function", "AWS::DynamoDB::GlobalTable", "AWS::Route53::HealthCheck"}
    types = {one["Type"] for one in template.load(name)["Resources"].values()}
    assert types <= LISTED | MAPPED | WITHOUT | special


def test_tasks_carry_the_tags_of_their_service() -> None:
    for service in template.of_type(template.load("containers"), "AWS::ECS::Service").values():
        assert service["PropagateTags"] == "SERVICE"
        assert service["EnableECSManagedTags"] is True
