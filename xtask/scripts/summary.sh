#!/usr/bin/env bash
# Prints the closing lines of every test runner once more, at the very end, where people and machines look.
# Usage: summary.sh FOLDER_OF_LOGS
set -euo pipefail

echo
echo "=== closing lines of the runners"
for log in "$1"/*.log; do
  plain=$(sed 's/\x1b\[[0-9;]*[A-Za-z]//g' "$log")
  lines=$(grep -E '^ *Summary \[|^test result:|^ *(Tests|Test Files) +[0-9]|^[0-9]+ passed' <<<"$plain" || true)
  if [ -n "$lines" ]; then
    sed "s/^/$(basename "$log" .log): /" <<<"$lines"
  fi
done
