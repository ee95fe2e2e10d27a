#!/usr/bin/env bash
# Cold starts, warm calls and memory of the functions: the release artefact under `cargo lambda watch`.
# Prints the table of docs/operate/functions.md. Stops what it started. Usage: measure-lambda.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=xtask/scripts/aws-tools.sh
. xtask/scripts/aws-tools.sh

watch=$(aws_tool watch)
emulator=$(aws_tool emulator)
xtask/scripts/aws-lambda.sh

port=$("$emulator/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export AWS_ENDPOINT_URL=http://127.0.0.1:$port
BIND_HOST=127.0.0.1 IOT_MTLS_ENABLED=0 GATEWAY_PORT=$port MINISTACK_REGION=eu-west-1 \
  "$emulator/bin/ministack" >target/ci/aws/measured.log 2>&1 &
pid=$!
trap 'kill "$pid"' EXIT
for _ in $(seq 150); do
  if "$emulator/bin/python" -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=1)' \
    "$AWS_ENDPOINT_URL/_ministack/health" 2>/dev/null; then break; fi
  sleep 0.2
done
"$emulator/bin/python" crates/lambda/scripts/measure.py "$watch/bin/cargo-lambda" target/lambda/bootstrap/bootstrap
