"""The local emulator of AWS, with roles enforced, and our stacks on it.

Invariant: listens on loopback alone, on a port that was free, and ends with the block that started it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import render
from botocore.config import Config
from way import Way, passing

REGION = "eu-west-1"
ACCOUNT = "000000000000"
START_TRIES = 150
STACK_TRIES = 600
# What CloudFormation takes in a request; larger templates go through a bucket.
BODY_BYTES_MAX = 51_200
WEB_ACL = f"arn:aws:wafv2:us-east-1:{ACCOUNT}:global/webacl/dynamowave/1"
DOMAIN = "chat.example.org"
# Good for the operator's routes of the deployed handlers.
OPERATOR = "dwop_tests"


@dataclass
class Stack:
    """A stack that was made."""

    name: str
    status: str
    outputs: dict[str, str]
    # Physical ids by logical id.
    resources: dict[str, str]


@dataclass
class Emulator:
    """A running emulator."""

    url: str
    pid: int
    # Zone of Route 53, once prepared.
    zone: str = ""
    # Where pages are opened that stand in for the distribution.
    origin: str = ""
    # What was decided about requests of roles, a line each.
    audit: Path = Path(os.devnull)
    # People of large groups, once registered.
    crowd: list[str] = field(default_factory=list)
    # The way of the handlers to the services.
    way: Way = field(default_factory=lambda: Way(""))
    # Where a gateway listens that people use in place of the handlers.
    gateway: str = ""

    def client(self, service: str) -> Any:
        """A client with the rights of the account itself."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 1}),
        )

    def deploy_all(self, artefact: str | None) -> dict[str, Stack]:
        """Data first, then both homes over it."""
        self.prepare(artefact)
        return {
            "data": self.deploy("data", {}),
            "serverless": self.deploy(
                "serverless",
                {
                    "WebAclArn": WEB_ACL,
                    "LocalPostEndpoint": f"{self.way.url}/_aws/execute-api",
                    "LocalOrigin": self.origin,
                    "RegistrationPolicy": "open",
                    "OperatorTokenSha256": hashlib.sha256(OPERATOR.encode()).hexdigest(),
                },
            ),
            "containers": self.deploy_containers(),
        }

    def deploy_containers(self, **more: str) -> Stack:
        """The home in containers, over the data."""
        parameters = {
            "Image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/dynamowave:latest",
            "ImageRepositoryArn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/dynamowave",
            "DomainName": DOMAIN,
            "HostedZoneId": self.zone,
        }
        return self.deploy("containers", {**parameters, **more})

    def deploy(self, name: str, parameters: dict[str, str], stack: str | None = None) -> Stack:
        """Makes the stack of a template and waits for it."""
        stack = stack or f"dynamowave-{name}"
        body = json.dumps(render.render(name, "code", "bootstrap.zip"))
        source: dict[str, str] = {"TemplateBody": body}
        if len(body) > BODY_BYTES_MAX:
            self.client("s3").put_object(Bucket="code", Key=f"{name}.json", Body=body.encode())
            source = {"TemplateURL": f"{self.url}/code/{name}.json"}
        self.client("cloudformation").create_stack(
            StackName=stack,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            **source,
        )
        return self._finished(stack)

    def delete(self, stack: Stack) -> None:
        """Deletes a stack and waits until it is gone."""
        self.client("cloudformation").delete_stack(StackName=stack.name)
        for _ in range(STACK_TRIES):
            try:
                found = self.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"]
            except self.client("cloudformation").exceptions.ClientError:
                return
            if found[0]["StackStatus"] == "DELETE_COMPLETE":
                return
            time.sleep(0.05)
        raise TimeoutError(f"{stack.name} is not deleted: {found[0]}")

    def empty(self, data: Stack) -> None:
        """Takes everything out of the queues."""
        for queue in ("Messages", "MessagesDead", "Notifications", "NotificationsDead"):
            self.client("sqs").purge_queue(QueueUrl=data.outputs[f"{queue}QueueUrl"])

    def prepare(self, artefact: str | None) -> None:
        """What an account has before the first stack: a bucket with the code, and a zone."""
        zone = self.client("route53").create_hosted_zone(Name="example.org", CallerReference="tests")
        self.zone = zone["HostedZone"]["Id"].rsplit("/", 1)[-1]
        bucket = self.client("s3")
        bucket.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})
        body = Path(artefact).read_bytes() if artefact else _nothing()
        bucket.put_object(Bucket="code", Key="bootstrap.zip", Body=body)

    def _finished(self, stack: str) -> Stack:
        service = self.client("cloudformation")
        for _ in range(STACK_TRIES):
            found = service.describe_stacks(StackName=stack)["Stacks"][0]
            if not found["StackStatus"].endswith("_IN_PROGRESS"):
                break
            time.sleep(0.05)
        if found["StackStatus"] != "CREATE_COMPLETE":
            events = service.describe_stack_events(StackName=stack)["StackEvents"]
            reasons = [
                f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
                for event in events
                if event["ResourceStatus"].endswith("FAILED")
            ]
            raise AssertionError(f"{stack}: {found['StackStatus']}: {reasons}")
        resources: dict[str, str] = {}
        for page in service.get_paginator("list_stack_resources").paginate(StackName=stack):
            for one in page["StackResourceSummaries"]:
                resources[one["LogicalResourceId"]] = one.get("PhysicalResourceId", "")
        outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
        return Stack(stack, found["StackStatus"], outputs, resources)


def _nothing() -> bytes:
    """An artefact that a function can be made of, and that is never run."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, "#!/bin/sh\nexit 1\n")
    return whole.getvalue()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running() -> Iterator[Emulator]:
    """An emulator for the length of a block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    folder = Path(tempfile.mkdtemp(prefix="emulator-"))
    audit = folder / "audit.jsonl"
    audit.touch()
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AUDIT_FILE": str(audit),
    }
    program = [sys.executable, str(Path(__file__).parent / "audited.py")]
    with tempfile.TemporaryFile() as log, passing(url) as way:
        # Handlers get it from the emulator.
        environment["AWS_ENDPOINT_URL"] = way.url
        process = subprocess.Popen(program, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait(url, process, log)
            yield Emulator(url, process.pid, origin=f"http://127.0.0.1:{free_port()}", audit=audit, way=way)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            # Handlers that it started are of its session, and end with it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            shutil.rmtree(folder)


def _wait(url: str, process: subprocess.Popen[bytes], log: Any) -> None:
    for _ in range(START_TRIES):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_ministack/health"):
            return
        time.sleep(0.1)
    log.seek(0)
    raise RuntimeError(f"the emulator does not answer: {log.read()[-2000:].decode(errors='replace')}")
