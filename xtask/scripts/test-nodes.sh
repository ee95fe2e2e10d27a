#!/usr/bin/env bash
# The containers home on this machine: gateways, persisters and notifiers over an emulator of AWS, behind HAProxy. Runs the
# tests that kill and stop them, then the load generator and the web app's journeys through HAProxy while gateways are
# killed. Starts the emulator unless AWS_ENDPOINT_URL names one; stops what it started.
# Usage: test-nodes.sh [tests|load|browser]...   (all of them when none is named)
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=xtask/scripts/aws-tools.sh
. xtask/scripts/aws-tools.sh

parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(tests load browser)
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
# Copies: what is built meanwhile does not change what is tested.
binary=$work/dynamowave
load=$work/dynamowave-load
pids=()

command -v haproxy >/dev/null || { echo "Missing: haproxy. Install it with: sudo apt-get install -y haproxy" >&2; exit 1; }

end() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap end EXIT

say() { printf '\n=== %s\n' "$*"; }

# Waits until a command works.
until_works() {
  local what=$1
  shift
  for _ in $(seq 600); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  echo "$what: not within two minutes" >&2
  exit 1
}

export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=eu-west-1
export AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null

# ---- an installation, as docs/operate/containers.md starts one ----

running=()
gateways=()
start() {
  local name=$1 number port
  options=(--set "node.secret=$secret"
    --set node.listen=127.0.0.1:0 --set "files.folder=$work/$name-files" --set log.level=warn
    --set "aws.main_table=$name-main" --set "aws.live_table=$name-live"
    --set "aws.messages_queue=$name-messages.fifo" --set "aws.messages_dead_queue=$name-messages-dead.fifo"
    --set "aws.notifications_queue=$name-notifications.fifo" --set "aws.notifications_dead_queue=$name-notifications-dead.fifo"
    --set passwords.memory_kib=64 --set passwords.iterations=1 --set limits.logins_per_minute=0
    --set limits.sends_per_second=0 --set limits.frames_per_second=0 --set limits.requests_per_second=0)
  "$binary" aws provision "${options[@]}" >/dev/null
  running=() gateways=()
  : >"$work/servers"
  for number in 1 2 3; do
    port=$(free_port)
    "$binary" gateway --backend aws --listen "127.0.0.1:$port" "${options[@]}" >/dev/null &
    running+=($!) gateways+=($!)
    echo "    server gateway-$number 127.0.0.1:$port" >>"$work/servers"
  done
  for number in 1 2; do
    "$binary" persister --backend aws "${options[@]}" &
    running+=($!)
    "$binary" notifier --backend aws "${options[@]}" &
    running+=($!)
  done
  address=127.0.0.1:$(free_port)
  # What is shipped, without what needs certificates for people.
  sed -E "s/bind :80/bind $address/; / bind :443 /d; /redirect scheme https/d; /Strict-Transport-Security/d
    /X-Forwarded-Proto/d; /log stdout/d; s/ gt 200 / gt 1000000 /; s/ ssl verify required ca-file .*//
    /    server gateway-/d" deploy/haproxy.cfg >"$work/haproxy.cfg"
  cat "$work/servers" >>"$work/haproxy.cfg"
  haproxy -f "$work/haproxy.cfg" &
  running+=($!)
  pids+=("${running[@]}")
  until_works "HAProxy" curl -fsS "http://$address/v1/server"
  # All gateways checked twice.
  sleep 5
}

stop() {
  local pid
  for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${running[@]}"; do wait "$pid" 2>/dev/null || true; done
}

# ---- the parts ----

tests() {
  say "tests of the processes"
  SERVER_BINARY=$binary cargo test -p cli --features aws --test it -- --nocapture --test-threads=1 nodes::
}

load() {
  say "load through HAProxy: durable, rooms, and kill -9 of two gateways"
  start load
  local url=http://$address
  "$load" --url "$url" --check durable --senders 1,16 --window-ms 3000
  "$load" --url "$url" --check rooms --users 32 --room-size 4 --rate-from 20 --rate-to 40 --window-ms 3000
  "$load" --url "$url" failover --kill "${gateways[0]}" --kill "${gateways[1]}" --senders 12 --window-ms 4000
  stop
}

browser() {
  local journey
  [ -d web/node_modules ] || (cd web && npm ci --no-audit --no-fund)
  for journey in devices changes; do
    say "browsers through HAProxy: $journey"
    start "browser-$journey"
    (cd web && SERVER_URL=http://$address npm run --silent test:browser -- "$journey")
    stop
  done
}

if [ -z "${AWS_ENDPOINT_URL:-}" ]; then
  start_emulator
  pids+=("$emulator_pid")
fi
secret=$(openssl rand -base64 36)
# SERVER_BINARY and LOAD_BINARY name programs that are built already.
if [ -n "${SERVER_BINARY:-}" ]; then
  cp "$SERVER_BINARY" "$binary"
else
  say "building the server"
  # With the web app in it, which the journeys open.
  case " ${parts[*]} " in
    *" browser "*) [ -f web/dist/index.html ] || make web ;;
  esac
  cargo build -p cli --features aws
  cp "$target/debug/dynamowave" "$binary"
fi
case " ${parts[*]} " in
  *" load "*)
    if [ -z "${LOAD_BINARY:-}" ]; then
      say "building the load generator"
      cargo build -p load
      LOAD_BINARY=$target/debug/dynamowave-load
    fi
    cp "$LOAD_BINARY" "$load"
    ;;
esac
for part in "${parts[@]}"; do
  case "$part" in
    tests | load | browser) "$part" ;;
    *) echo "usage: $0 [tests|load|browser]..." >&2; exit 2 ;;
  esac
done
say "all held"
