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

# The emulator, and before it a proxy that makes it fail.
start_services() {
  local faults faults_port
  start_emulator
  pids+=("$emulator_pid")
  faults=$PWD/$(aws_tool faults)
  faults_port=$(free_port)
  export FAULTS_URL=http://127.0.0.1:$faults_port
  setsid "$faults/bin/microburst" --upstream "$AWS_ENDPOINT_URL" --host 127.0.0.1 --port "$faults_port" \
    --config crates/backend-aws/tests/faults.yaml >target/ci/aws/faults.log 2>&1 &
  pids+=($!)
}

# With the web app in it, which the journeys open.
build() {
  { [ -e web/dist/index.html ] && [ -d web/node_modules ]; } || make web
  cargo test -q "${everything[@]}" --no-run
}

static() { xtask/scripts/aws-static.sh; }

# The tests that other runs leave out because they need the emulator.
crates() {
  build
  start_services
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
