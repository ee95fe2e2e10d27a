#!/usr/bin/env bash
# Everything about AWS on this machine: the templates checked, the backend and the handlers tested against an emulator
# that runs only for that, the artefact built and deployed by the templates with roles enforced, people conversing
# through it, every right removed once; the containers, where their script is. Stops what it started.
# Nothing here can reach an account of AWS: credentials and endpoint are the emulator's. Usage: test-aws.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=xtask/scripts/aws-tools.sh
. xtask/scripts/aws-tools.sh

emulator=$PWD/$(aws_tool emulator)
faults=$PWD/$(aws_tool faults)
logs=$PWD/target/ci/aws
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
emulator_port=$(free_port)
faults_port=$(free_port)

export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=eu-west-1
export AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null

pids=()
# Functions that the emulator started are of its session, and end with it.
stop() { for pid in "${pids[@]}"; do kill -- "-$pid" 2>/dev/null || true; done; }
trap stop EXIT
step() { printf '\n=== %s (%s s)\n' "$1" "$SECONDS"; }
answers() { python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=1)' "$1" 2>/dev/null; }

start_emulator() {
  export AWS_ENDPOINT_URL=http://127.0.0.1:$emulator_port FAULTS_URL=http://127.0.0.1:$faults_port
  BIND_HOST=127.0.0.1 IOT_MTLS_ENABLED=0 GATEWAY_PORT=$emulator_port MINISTACK_REGION=$AWS_REGION \
    setsid "$emulator/bin/ministack" >"$logs/emulator.log" 2>&1 &
  pids+=($!)
  setsid "$faults/bin/microburst" --upstream "$AWS_ENDPOINT_URL" --host 127.0.0.1 --port "$faults_port" \
    --config crates/backend-aws/tests/faults.yaml >"$logs/faults.log" 2>&1 &
  pids+=($!)
  for _ in $(seq 150); do
    if answers "$AWS_ENDPOINT_URL/_ministack/health"; then return; fi
    sleep 0.2
  done
  echo "the emulator does not start; see $logs/emulator.log" >&2
  exit 1
}

test_crate() {
  cargo clippy -p "$1" --all-targets -- -D warnings
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run -p "$1" --no-fail-fast
  else
    cargo test -p "$1" --no-fail-fast
  fi
}

step "templates"
xtask/scripts/aws-static.sh
start_emulator
step "backend"
test_crate backend-aws
step "handlers"
test_crate lambda
if [ -x xtask/scripts/test-nodes.sh ]; then
  step "containers"
  xtask/scripts/test-nodes.sh
fi
stop
unset AWS_ENDPOINT_URL FAULTS_URL

step "artefact"
xtask/scripts/aws-lambda.sh
step "the operator's program"
cargo build -p cli
[ -d web/node_modules ] || (cd web && npm ci --no-audit --no-fund)
[ -e web/dist/index.html ] || (cd web && npm run build)
step "deployment"
xtask/scripts/aws-deploy.sh target/lambda/bootstrap.zip "${CARGO_TARGET_DIR:-target}/debug/dynamowave"
step "done"
