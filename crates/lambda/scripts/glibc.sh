#!/usr/bin/env bash
# Fails when a program needs a newer C library than the runtime provided.al2023 has. Usage: glibc.sh PROGRAM
set -euo pipefail
most=GLIBC_2.34
needed=$(objdump -T "$1" | grep -oE 'GLIBC_[0-9.]+' | sort -Vu | tail -n 1)
if [ "$(printf '%s\n%s\n' "$needed" "$most" | sort -V | tail -n 1)" != "$most" ]; then
  echo "$1 needs $needed; the runtime has $most" >&2
  exit 1
fi
echo "$1 needs at most $needed; the runtime has $most"
