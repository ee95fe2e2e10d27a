#!/usr/bin/env bash
# Is deploy/haproxy.cfg right, as HAProxy itself sees it? Warnings count. Usage: haproxy-check.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in haproxy openssl; do
  command -v "$tool" >/dev/null || { echo "Missing: $tool. Install it with: sudo apt-get install -y $tool" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=chat.example.org \
  -keyout "$work/key" -out "$work/gateways-ca.pem" 2>/dev/null
cat "$work/gateways-ca.pem" "$work/key" >"$work/haproxy.pem"
sed "s:/etc/dynamowave/:$work/:" deploy/haproxy.cfg >"$work/haproxy.cfg"
# Warnings are findings too.
haproxy -c -dW -f "$work/haproxy.cfg"
