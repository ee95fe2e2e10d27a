#!/usr/bin/env python3
"""Renders a template for the local emulator: drops exactly what that does not know, and points inward what points out.

Usage: render.py --local NAME [--bucket BUCKET --key KEY] > NAME.json, with NAME data, edge, serverless or containers.
Invariant: the lists below are all that is changed, each with its reason; a test holds them to that, and to being
needed by something.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from typing import Any

import template

UNKNOWN = "the emulator knows no such type"

# Types that are left out, and why.
DROPPED_TYPES = {
    "AWS::ApiGatewayV2::Deployment": f"{UNKNOWN}; a stage serves its routes without one",
    "AWS::ApiGatewayV2::RouteResponse": f"{UNKNOWN}; answers are always sent back",
    "AWS::ApplicationAutoScaling::ScalableTarget": UNKNOWN,
    "AWS::ApplicationAutoScaling::ScalingPolicy": UNKNOWN,
    "AWS::EC2::EIP": UNKNOWN,
    "AWS::EC2::FlowLog": UNKNOWN,
    "AWS::EC2::NatGateway": UNKNOWN,
    "AWS::EC2::SecurityGroupEgress": UNKNOWN,
    "AWS::EC2::SecurityGroupIngress": UNKNOWN,
    "AWS::IAM::RolePolicy": UNKNOWN,
    "AWS::KMS::ReplicaKey": UNKNOWN,
    "AWS::Route53::HealthCheck": UNKNOWN,
    "AWS::WAFv2::LoggingConfiguration": UNKNOWN,
    "AWS::WAFv2::WebACLAssociation": UNKNOWN,
}

# Single resources that are left out, by template, and why.
PLAIN = "denies what is not TLS, which the emulator enforces, and there is none on loopback"
MATHS = "the emulator calculates with no metrics"
DROPPED_RESOURCES = {
    "data": {"QueuePolicy": PLAIN, "FilesBucketPolicy": PLAIN, "LogsBucketPolicy": PLAIN},
    "serverless": {
        "WebBucketPolicy": PLAIN,
        "ErrorsAlarm": MATHS,
        "ThrottlesAlarm": MATHS,
    },
    "containers": {"ConnectionsAlarm": MATHS},
    "edge": {},
}

# Properties that are left out, as (type, property), and why.
DROPPED_PROPERTIES = {
    ("AWS::ECS::Service", "DesiredCount"): "the emulator calculates with the text of a parameter; its default is 1",
}

# Actions that the emulator asks for by the name of the operation with several messages; AWS knows one name for both.
BATCH_ACTIONS = {
    "sqs:SendMessage": "sqs:SendMessageBatch",
    "sqs:DeleteMessage": "sqs:DeleteMessageBatch",
    "sqs:ChangeMessageVisibility": "sqs:ChangeMessageVisibilityBatch",
}

# Parameters that only the rendered form has.
LOCAL_PARAMETERS = {
    "LocalPostEndpoint": {
        "Type": "String",
        "Description": "Where the emulator takes what is posted to sockets, without the id of the API.",
    },
    "LocalOrigin": {
        "Type": "String",
        "Default": "http://127.0.0.1",
        "Description": "Origin of the pages that stand in for the distribution.",
    },
}


def render(name: str, bucket: str, key: str) -> dict[str, Any]:
    """The template of this name as the emulator takes it, with the artefact in this bucket."""
    whole = copy.deepcopy(template.load(name))
    dropped = {
        logical
        for logical, resource in whole["Resources"].items()
        if resource["Type"] in DROPPED_TYPES or logical in DROPPED_RESOURCES[name]
    }
    for logical in dropped:
        del whole["Resources"][logical]
    for resource in whole["Resources"].values():
        for kind, prop in DROPPED_PROPERTIES:
            if resource["Type"] == kind:
                resource.get("Properties", {}).pop(prop, None)
        _forget(resource, dropped)
    for _, statement in template.statements(whole):
        for one in (statement, *statement.get("Fn::If", [])[1:]):
            if "Action" in one:
                one["Action"] += [BATCH_ACTIONS[action] for action in one["Action"] if action in BATCH_ACTIONS]
    if "Globals" in whole:
        _point_inward(whole, bucket, key)
    return whole


def _forget(resource: dict[str, Any], dropped: set[str]) -> None:
    """Takes what was left out from the list of what must come first, and from the actions of alarms."""
    first = resource.pop("DependsOn", [])
    kept = [one for one in ([first] if isinstance(first, str) else first) if one not in dropped]
    if kept:
        resource["DependsOn"] = kept
    actions = resource.get("Properties", {}).get("AlarmActions")
    if actions is not None:
        resource["Properties"]["AlarmActions"] = [one for one in actions if one.get("Ref") not in dropped]


def _point_inward(whole: dict[str, Any], bucket: str, key: str) -> None:
    """The artefact lies in a bucket of the emulator, sockets are posted to through it, and pages come without TLS."""
    whole["Parameters"].update(copy.deepcopy(LOCAL_PARAMETERS))
    function = whole["Globals"]["Function"]
    function["CodeUri"] = {"Bucket": bucket, "Key": key}
    variables = function["Environment"]["Variables"]
    variables["DYNAMOWAVE_POST_ENDPOINT"] = {"Fn::Sub": "${LocalPostEndpoint}/${WebSocketApi}/live"}
    variables["DYNAMOWAVE_OWN_ORIGINS"] = {"Ref": "LocalOrigin"}
    # There is no TLS on loopback, and a cookie for TLS alone would not come back.
    variables["DYNAMOWAVE_PLAIN_HTTP"] = "true"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--local", action="store_true", required=True, help="for the local emulator")
    parser.add_argument("--bucket", default="code", help="bucket of the artefact")
    parser.add_argument("--key", default="bootstrap.zip", help="its key")
    parser.add_argument("name", choices=sorted(DROPPED_RESOURCES))
    arguments = parser.parse_args()
    json.dump(render(arguments.name, arguments.bucket, arguments.key), sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
