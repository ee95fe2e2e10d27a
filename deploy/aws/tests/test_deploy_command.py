"""The documented command deploys each home, against the local emulator, with the tools a person has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import emulator as emulators
import pytest
import render
import template

TOOLS = Path(__file__).parents[3] / "target/ci/aws"


@pytest.fixture(scope="module")
def own() -> Iterator[emulators.Emulator]:
    with emulators.running() as running:
        running.prepare(None)
        yield running


def run(own: emulators.Emulator, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a tree with the rendered templates and a web app of one page."""
    tree, templates = folder / "deploy/aws", folder / "templates"
    for one in (tree, templates):
        one.mkdir(parents=True, exist_ok=True)
    shutil.copy(template.HERE / "deploy.sh", tree)
    for name in render.DROPPED_RESOURCES:
        (templates / f"{name}.yaml").write_text(json.dumps(render.render(name, "code", "bootstrap.zip")))
    (folder / "web/dist/assets").mkdir(parents=True, exist_ok=True)
    (folder / "web/dist/index.html").write_text("<!doctype html>")
    (folder / "web/dist/assets/app-1a2b.js").write_text("")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{TOOLS / 'sam/bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "DYNAMOWAVE_TEMPLATES": str(templates),
        "AWS_ENDPOINT_URL": own.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [tree / "deploy.sh", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)


def test_one_command_makes_the_chat_without_servers(own: emulators.Emulator, tmp_path: Path) -> None:
    endpoint = f"LocalPostEndpoint={own.url}/_aws/execute-api"
    arguments = ("serverless", "--region", emulators.REGION, "--bucket", "code", "--set", endpoint)
    done = run(own, tmp_path, *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    outputs = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert outputs["Address"].startswith("https://")
    assert outputs["SocketAddress"].startswith("wss://")
    (stack,) = own.client("cloudformation").describe_stacks(StackName="dynamowave-serverless")["Stacks"]
    made = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    files = own.client("s3")
    page = files.head_object(Bucket=made["WebBucket"], Key="index.html")
    assert page["CacheControl"] == "no-cache"
    assert "immutable" in files.head_object(Bucket=made["WebBucket"], Key="assets/app-1a2b.js")["CacheControl"]
    again = run(own, tmp_path, *arguments)
    assert again.returncode == 0, again.stderr[-3000:]


def test_one_command_makes_the_chat_in_containers(own: emulators.Emulator, tmp_path: Path) -> None:
    image = f"{emulators.ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/team/dynamowave@sha256:{'0' * 64}"
    given = ("--domain", emulators.DOMAIN, "--zone", own.zone, "--image", image, "--bucket", "code")
    done = run(own, tmp_path, "containers", "--region", emulators.REGION, *given)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Address https://{emulators.DOMAIN}" in done.stdout
    (stack,) = own.client("cloudformation").describe_stacks(StackName="dynamowave-containers")["Stacks"]
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
    assert parameters["ImageRepositoryArn"] == f"arn:aws:ecr:eu-west-1:{emulators.ACCOUNT}:repository/team/dynamowave"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("serverless",), "--region"),
        (("serverless", "--region", "eu-west-1", "--domain", "a.b"), "--zone"),
        (("containers", "--region", "eu-west-1"), "--domain"),
        (("containers", "--region", "eu-west-1", "--domain", "a.b", "--zone", "Z"), "--image"),
        (("elsewhere",), "Usage"),
    ],
)
def test_what_is_missing_is_said(
    own: emulators.Emulator, tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    done = run(own, tmp_path, *arguments)
    assert done.returncode == 2
    assert why in done.stderr
