#!/usr/bin/env bash
# Runs what the documents tell their readers to type, each document against a server of its own, and fails when a
# command fails or an answer is an error. Usage: documents.sh BINARY
#
# Blocks fenced as `sh` run in order as one script; a block fenced as `python,file=NAME` is that file. The address that
# the documents name is replaced by the one the server got.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
binary=$(realpath "$1")
documents=(README.md docs/use/getting-started.md docs/build/client.md docs/build/bot.md)

"$root/xtask/scripts/tools.sh" documents
PATH="$root/target/ci/python/bin:$PATH"
work=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT

# Prints the blocks with this fence.
blocks() { awk -v fence="\`\`\`$2" '$0 == fence { inside = 1; next } /^```/ { inside = 0 } inside' "$1"; }

has_errors() { grep -qE 'urn:dynamowave:problem|"type":"(rejected|error|failed)"' output; }

# A document that sends over a socket is answered over it.
lacks_answers() { grep -q '\"action\": \"sendMessage\"' script && ! grep -q '"type":"accepted"' output; }

# Starts a server in this folder and prints its address, host and port.
start() {
  cd "$1"
  mkfifo said
  "$binary" serve --data ./data --listen 127.0.0.1:0 >said 2>server.log &
  server=$!
  exec 3<said
  read -r line <&3
  address=${line##*://}
  address=${address%%/*}
}

for document in "${documents[@]}"; do
  folder=$work/$(basename "$document" .md)
  mkdir -p "$folder/target/release"
  ln -s "$binary" "$folder/target/release/dynamowave"
  start "$folder"
  grep -o '^```python,file=.*' "$root/$document" | while read -r fence; do
    blocks "$root/$document" "${fence#\`\`\`}" | sed "s/127\.0\.0\.1:8080/$address/g" >"${fence#*=}"
  done || true
  blocks "$root/$document" sh | sed "s/127\.0\.0\.1:8080/$address/g" >script
  # A reader's terminal stays open; wscat leaves when its input ends.
  mkfifo typed
  exec 4<>typed
  echo "--- $document: $(wc -l <script) lines against $address"
  if ! bash -euo pipefail script <typed >output 2>&1 || has_errors || lacks_answers; then
    cat output
    echo "--- log of the server"
    cat server.log
    echo "--- $document: FAILED"
    exit 1
  fi
  kill "$server"
  wait "$server"
  server=
  exec 3<&- 4<&-
done
echo "${#documents[@]} passed: every command of the documents does what it says"
