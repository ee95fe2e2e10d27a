"""Cold starts, warm calls and memory of the functions, under the runtime interface of `cargo lambda watch`.

Measures the very program that is deployed. Each handler is called with the warmer's event, and the authorizer also with
somebody whom it does not know, so that only a start asks another service, once: for the epoch, in the table of an emulator
that AWS_ENDPOINT_URL names. Usage: measure.py CARGO_LAMBDA BOOTSTRAP
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import boto3

HANDLERS = ("authorizer", "connect", "disconnect", "send", "default", "http", "persist", "notify", "warm")
STARTS = 15
CALLS = 500
WARM = {"dynamowave": "warm"}
STRANGER = {
    "type": "REQUEST",
    "methodArn": "arn:aws:execute-api:eu-west-1:000000000000:api/live/$connect",
    "headers": {"authorization": "Bearer dw_nobody"},
    "queryStringParameters": {},
    "requestContext": {"identity": {"sourceIp": "192.0.2.1"}},
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(handler: str, port: int) -> dict[str, str]:
    queue = "http://127.0.0.1:9/000000000000/"
    return {
        "PATH": os.environ["PATH"],
        "DYNAMOWAVE_HANDLER": handler,
        "DYNAMOWAVE_LOG": "off",
        "AWS_LAMBDA_RUNTIME_API": f"http://127.0.0.1:{port}/.rt/bootstrap",
        "AWS_LAMBDA_FUNCTION_NAME": handler,
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "-",
        "AWS_LAMBDA_LOG_STREAM_NAME": "-",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_DYNAMODB": os.environ["AWS_ENDPOINT_URL"],
        # Nobody listens there: whoever asked another service would fail, and this with it.
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "DYNAMOWAVE_POST_ENDPOINT": "http://127.0.0.1:9/live",
        "DYNAMOWAVE_AWS_MAIN_TABLE": "main",
        "DYNAMOWAVE_AWS_LIVE_TABLE": "live",
        "DYNAMOWAVE_AWS_MESSAGES_QUEUE": f"{queue}messages.fifo",
        "DYNAMOWAVE_AWS_MESSAGES_DEAD_QUEUE": f"{queue}messages-dead.fifo",
        "DYNAMOWAVE_AWS_NOTIFICATIONS_QUEUE": f"{queue}notifications.fifo",
        "DYNAMOWAVE_AWS_NOTIFICATIONS_DEAD_QUEUE": f"{queue}notifications-dead.fifo",
        "DYNAMOWAVE_AWS_FILES_BUCKET": "files",
        "DYNAMOWAVE_SERVER_NAME": "Measured",
        "DYNAMOWAVE_WARM_FUNCTIONS": "nobody",
    }


class Watch:
    """The runtime interface, for functions that this program starts."""

    def __init__(self, port: int) -> None:
        self.port = port

    def call(self, handler: str, event: object) -> float:
        """Milliseconds until the answer."""
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", "/2015-03-31/functions/bootstrap/invocations", json.dumps(event))
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        # By this error API Gateway is told to answer 401.
        assert answer.status == 200 or b"Unauthorized" in body, f"{handler}: {answer.status} {body!r}"
        return (time.perf_counter() - began) * 1_000


def percentile(sorted_values: list[float], part: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * part))]


def most_resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1_024


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def started(watch: Watch, program: str, handler: str, event: object) -> tuple[float, subprocess.Popen[bytes]]:
    """From the start of the process to the answer to a call that waits for it, milliseconds."""
    answers: list[float] = []
    caller = threading.Thread(target=lambda: answers.append(watch.call(handler, event)))
    caller.start()
    # The call is there before the process, as on AWS.
    time.sleep(0.05)
    began = time.perf_counter()
    process = subprocess.Popen([program], env=environment(handler, watch.port), stdout=subprocess.DEVNULL)  # noqa: S603
    caller.join()
    took = (time.perf_counter() - began) * 1_000
    assert answers, "no answer"
    return took, process


def measure(watch: Watch, program: str, handler: str, event: object) -> list[str]:
    starts = []
    for number in range(STARTS):
        took, process = started(watch, program, handler, event)
        starts.append(took)
        if number + 1 < STARTS:
            process.kill()
            process.wait()
            # The interface forgets a process that went away at its next question; ask until it does.
            time.sleep(0.2)
    before = processor_s(process.pid)
    calls = sorted(watch.call(handler, event) for _ in range(CALLS))
    used = (processor_s(process.pid) - before) / CALLS * 1_000
    resident = most_resident_mib(process.pid)
    process.kill()
    process.wait()
    return [
        f"{statistics.median(starts):.0f}",
        f"{max(starts):.0f}",
        f"{percentile(calls, 0.5):.2f}",
        f"{percentile(calls, 0.9):.2f}",
        f"{used:.2f}",
        f"{resident:.1f}",
    ]


def provide_table() -> None:
    """The table of the emulator, which the first start gives an epoch."""
    tables = boto3.client(
        "dynamodb",
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        region_name="eu-west-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106
    )
    tables.create_table(
        TableName="main",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )


def main() -> None:
    cargo_lambda, program = (str(Path(name).resolve()) for name in sys.argv[1:3])
    provide_table()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "watch.log").open("wb")
        command = [cargo_lambda, "lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1"]
        interface = subprocess.Popen(  # noqa: S603
            [*command, "--invoke-port", str(port)], cwd=Path(__file__).parents[1], stdout=log, stderr=log
        )
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            print("| handler | called with | cold start, ms | slowest | warm call, p50, ms | p90 | processor, ms | memory, MiB |")
            print("|---|---|--:|--:|--:|--:|--:|--:|")
            cases: list[tuple[str, str, object]] = [("authorizer", "a stranger", STRANGER)]
            cases += [(handler, "the warmer's event", WARM) for handler in HANDLERS]
            for handler, name, event in cases:
                figures = measure(Watch(port), program, handler, event)
                print(f"| `{handler}` | {name} | " + " | ".join(figures) + " |", flush=True)
        finally:
            interface.terminate()
            interface.wait()


if __name__ == "__main__":
    main()
