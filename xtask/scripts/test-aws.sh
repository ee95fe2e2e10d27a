#!/usr/bin/env bash
# Lints and tests the backend for AWS against an emulator that runs only for that, on a free port of this machine.
# Nothing here can reach an account of AWS: credentials and endpoint are the emulator's. Usage: test-aws.sh [nextest arguments]
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=$PWD/target/ci/aws
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
emulator_port=$(free_port)
faults_port=$(free_port)

export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=eu-west-1
export AWS_ENDPOINT_URL=http://127.0.0.1:$emulator_port
export AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export FAULTS_URL=http://127.0.0.1:$faults_port

pids=()
stop() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; }
trap stop EXIT

BIND_HOST=127.0.0.1 IOT_MTLS_ENABLED=0 GATEWAY_PORT=$emulator_port MINISTACK_REGION=$AWS_REGION \
  "$tools/emulator/bin/ministack" >"$tools/emulator.log" 2>&1 &
pids+=($!)
"$tools/faults/bin/microburst" --upstream "$AWS_ENDPOINT_URL" --host 127.0.0.1 --port "$faults_port" \
  --config crates/backend-aws/tests/faults.yaml >"$tools/faults.log" 2>&1 &
pids+=($!)

answers() { python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=1)' "$1" 2>/dev/null; }
for _ in $(seq 150); do
  if answers "$AWS_ENDPOINT_URL/_ministack/health"; then break; fi
  sleep 0.2
done
answers "$AWS_ENDPOINT_URL/_ministack/health" || { echo "the emulator does not start; see $tools/emulator.log" >&2; exit 1; }

cargo clippy -p backend-aws --all-targets -- -D warnings
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run -p backend-aws --no-fail-fast "$@"
else
  cargo test -p backend-aws --no-fail-fast
fi
