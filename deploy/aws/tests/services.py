"""The services of the containers home as processes on this machine: each with the command, the variables, the secret
and the role of its task definition.

Knows no journey. Invariant: what a process is given besides is named here with its reason, it listens on loopback
alone, and it ends with the block that started it.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import render
import template
from emulator import OPERATOR, REGION, Emulator, Stack, free_port
from people import unverified
from roles import acting_as, keys_of
from way import Way, passing

Stacks = dict[str, Stack]
NAMES = ("Gateway", "Persister", "Notifier")
# Where the image has the program.
PROGRAM = "/usr/local/bin/dynamowave"
START_S = 30.0
STOP_S = 30.0

# What the service itself gives every container.
OF_FARGATE = {"AWS_REGION": REGION}
# For these tests alone, and why.
OF_TESTS = {
    # Credentials of this machine are nobody's here.
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    # What it says is read by a program.
    "NO_COLOR": "1",
    # Everybody comes from one address and does all at once.
    "DYNAMOWAVE_LIMITS_LOGINS_PER_MINUTE": "0",
    "DYNAMOWAVE_LIMITS_REQUESTS_PER_SECOND": "0",
    # A password takes no time worth waiting for.
    "DYNAMOWAVE_PASSWORDS_MEMORY_KIB": "64",
    "DYNAMOWAVE_PASSWORDS_ITERATIONS": "1",
    # No load balancer looks.
    "DYNAMOWAVE_NODE_NOTICE_MS": "100",
    # Good for the operator's routes.
    "DYNAMOWAVE_TOKEN": OPERATOR,
}


class Service:
    """One service as one process."""

    def __init__(self, emulator: Emulator, stacks: Stacks, name: str, program: str, log: Path, way: Way) -> None:
        made = stacks["containers"].resources
        task = emulator.client("ecs").describe_task_definition(taskDefinition=made[f"{name}Task"])["taskDefinition"]
        (container,) = task["containerDefinitions"]
        written = template.of_type(render.render("containers", "code", "-"), "AWS::ECS::TaskDefinition")
        (self.written,) = written[f"{name}Task"]["ContainerDefinitions"]
        self.emulator, self.made, self.name, self.program, self.log, self.way = emulator, made, name, program, log, way
        self.role = task["taskRoleArn"].rsplit("/", 1)[-1]
        self._ports: dict[str, int] = {}
        self.command = [self._inward(word) for word in container["command"]]
        self.variables = {one["name"]: self._inward(one["value"]) for one in container["environment"]}
        self.process: subprocess.Popen[bytes] | None = None
        log.touch()

    def port(self, written: str) -> int:
        """The port of this machine that stands for one of the container."""
        return self._ports.setdefault(written, free_port())

    def _inward(self, text: str) -> str:
        """An address of the container as one of loopback."""
        return re.sub(r"\b(?:0\.0\.0\.0|127\.0\.0\.1):(\d+)$", lambda it: f"127.0.0.1:{self.port(it[1])}", text)

    def start(self) -> None:
        """Starts it as its role, and waits until its health check holds."""
        command, environment = [self.program, *self.command], self._environment("program")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + START_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} is not ready: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def doctor(self) -> list[dict[str, str]]:
        """What the doctor finds as its role, in a session of that name."""
        command = [self.program, "aws", "doctor", "--json", "--role", self.name.lower()]
        done = subprocess.run(command, env=self._environment("doctor"), capture_output=True, text=True, check=False)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def _environment(self, session: str) -> dict[str, str]:
        keys = keys_of(self.emulator, self.role, session)
        return {
            **self.variables,
            **self.secrets(),
            **OF_FARGATE,
            **OF_TESTS,
            "AWS_ENDPOINT_URL": self.way.url,
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    def secrets(self) -> dict[str, str]:
        """What the service fetches for a container before it starts, as the role that may."""
        found = {}
        for one in self.written.get("Secrets", ()):
            secret = self.made[one["ValueFrom"]["Fn::GetAtt"][0]]
            service = acting_as(self.emulator, self.made["ExecutionRole"], "secretsmanager")
            found[one["Name"]] = service.get_secret_value(SecretId=secret)["SecretString"]
        return found

    def is_ready(self) -> bool:
        """Its health check as the template writes it; a gateway's is the load balancer's."""
        if "HealthCheck" in self.written:
            _, program, *arguments = self.written["HealthCheck"]["Command"]
            assert program == PROGRAM
            command = [self.program, *(self._inward(word) for word in arguments)]
            return subprocess.run(command, env={}, capture_output=True, check=False).returncode == 0
        asked = f"{self.address}/readyz"
        with contextlib.suppress(OSError), urllib.request.urlopen(asked, timeout=START_S, context=unverified()):
            return True
        return False

    @property
    def address(self) -> str:
        """Where a gateway listens for people."""
        return f"https://127.0.0.1:{self.port('8443')}"

    def send(self, number: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(number)

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        assert self.process
        return self.process.wait(STOP_S)

    def denials(self, since: int) -> list[str]:
        """What it said of requests that were denied, from this place in its log on."""
        with self.log.open("rb") as log:
            log.seek(since)
            lines = log.read().decode(errors="replace").splitlines()
        return [line for line in lines if "AccessDenied" in line]

    def end(self) -> None:
        """Ends it, whatever it does."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@dataclass
class Services:
    """All of them, running."""

    emulator: Emulator
    stacks: Stacks
    gateway: Service
    persister: Service
    notifier: Service

    def of_role(self, role: str) -> Service:
        """The one whose role has this logical id."""
        return {"GatewayRole": self.gateway, "PersisterRole": self.persister, "NotifierRole": self.notifier}[role]


@contextlib.contextmanager
def running(emulator: Emulator, stacks: Stacks, program: str, folder: Path) -> Iterator[Services]:
    """The processes, for the length of a block."""
    with contextlib.ExitStack() as ways:
        made: list[Any] = []
        for name in NAMES:
            # A way of its own, so that what one of them asks for can be refused alone.
            way = ways.enter_context(passing(emulator.url))
            made.append(Service(emulator, stacks, name, program, folder / f"{name}.log", way))
        try:
            for service in made:
                service.start()
            emulator.gateway = made[0].address
            # What is refused to handlers is refused to it.
            emulator.way = made[0].way
            yield Services(emulator, stacks, *made)
        finally:
            emulator.gateway = ""
            for service in made:
                service.end()
