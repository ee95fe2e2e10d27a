#!/usr/bin/env bash
# Everything about AWS on this machine: the templates checked, the backend, the handlers and the processes tested against
# an emulator that runs only for that, handlers and services deployed by the templates with roles enforced, people
# conversing through them, every right removed once. Stops what it started.
# Nothing here can reach an account of AWS: credentials and endpoint are the emulator's.
# Usage: test-aws.sh [static|crates|nodes|deploy]...   (all of them when none is named)
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=xtask/scripts/aws-tools.sh
. xtask/scripts/aws-tools.sh

parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(static crates nodes deploy)
target=${CARGO_TARGET_DIR:-target}
# What the other stages of `make test` build too.
everything=(--workspace --features cli/aws)
logs=$PWD/target/ci/aws
mkdir -p "$logs"

export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=eu-west-1
export AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null

pids=()
# Functions that the emulator started are of its session, and end with it.
stop() {
  for pid in "${pids[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
  pids=()
  unset AWS_ENDPOINT_URL FAULTS_URL
}
trap stop EXIT
step() { printf '\n=== %s (%s s)\n' "$1" "$SECONDS"; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
answers() { python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=1)' "$1" 2>/dev/null; }

start_emulator() {
  local emulator faults port faults_port
  emulator=$PWD/$(aws_tool emulator)
  faults=$PWD/$(aws_tool faults)
  port=$(free_port)
  faults_port=$(free_port)
  export AWS_ENDPOINT_URL=http://127.0.0.1:$port FAULTS_URL=http://127.0.0.1:$faults_port
  BIND_HOST=127.0.0.1 IOT_MTLS_ENABLED=0 GATEWAY_PORT=$port MINISTACK_REGION=$AWS_REGION \
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

build() { cargo test -q "${everything[@]}" --no-run; }

static() { xtask/scripts/aws-static.sh; }

# The tests that other runs leave out because they need the emulator.
crates() {
  build
  start_emulator
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run "${everything[@]}" --no-fail-fast --ignore-default-filter -E \
      '(package(backend-aws) | package(lambda)) & kind(test)
       | package(cli) & test(/^(aws_cost|aws_dead_letters|aws_doctor|aws_restore|aws_take_over|moving_to_aws|nodes)::/)'
  else
    cargo test "${everything[@]}" -p backend-aws -p lambda --no-fail-fast
    cargo test "${everything[@]}" -p cli --test it -- --test-threads=1 aws_ moving_to_aws:: nodes::
  fi
  stop
}

# The tests of the processes have run above.
nodes() {
  build
  SERVER_BINARY=$target/debug/dynamowave LOAD_BINARY=$target/debug/dynamowave-load \
    xtask/scripts/test-nodes.sh load browser
}

# The program is the one that was tested above; `make lambda` builds the same source as a release.
deploy() {
  build
  xtask/scripts/aws-lambda.sh --built "$target/debug/bootstrap"
  [ -d web/node_modules ] || (cd web && npm ci --no-audit --no-fund)
  [ -e web/dist/index.html ] || (cd web && npm run build)
  xtask/scripts/aws-deploy.sh target/lambda/bootstrap.zip "$target/debug/dynamowave"
}

for part in "${parts[@]}"; do
  case "$part" in
    static | crates | nodes | deploy) ;;
    *) echo "usage: $0 [static|crates|nodes|deploy]..." >&2; exit 2 ;;
  esac
  step "$part"
  "$part"
done
step "done"
