#!/usr/bin/env bash
# Runs the tests of this crate against an emulator of AWS on this machine, started and stopped here.
# Usage: emulated.sh [ARGUMENTS OF CARGO NEXTEST]
# PYTHON_WITH_EMULATOR may name the folder of a virtual environment that has ministack.
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
environment=${PYTHON_WITH_EMULATOR:-$root/target/ci/aws/emulator}
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
log=$(mktemp)

# 8883 would be listened on everywhere without the second variable; functions get the last one from their emulator.
export BIND_HOST=127.0.0.1 IOT_MTLS_ENABLED=0 GATEWAY_PORT=$port MINISTACK_REGION=eu-west-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=eu-west-1
export AWS_ENDPOINT_URL=http://127.0.0.1:$port
# A session of its own, so that the functions it started end with it.
setsid "$environment/bin/ministack" >"$log" 2>&1 &
emulator=$!
finish() {
  kill "$emulator" 2>/dev/null || true
  wait "$emulator" 2>/dev/null || true
  kill -KILL -- "-$emulator" 2>/dev/null || true
  rm -f "$log"
}
trap finish EXIT
for _ in $(seq 150); do
  curl -sf "$AWS_ENDPOINT_URL/_ministack/health" >/dev/null && break
  kill -0 "$emulator" || { cat "$log"; exit 1; }
  sleep 0.2
done
cd "$root"
cargo nextest run -p lambda "$@"
