#!/usr/bin/env bash
# Builds the program of the functions for this machine's processor, sees that the runtime provided.al2023 has the C
# library it needs, and packs it: target/lambda/bootstrap.zip, and target/lambda/bootstrap/ for deploy.sh.
# Usage: aws-lambda.sh [--built PROGRAM]   (packs that program instead of building a release)
set -euo pipefail
cd "$(dirname "$0")/../.."

case "${1:-}" in
  "")
    cargo build --release -p lambda --bin bootstrap
    built=${CARGO_TARGET_DIR:-target}/release/bootstrap
    ;;
  --built) built=$2 ;;
  *) echo "usage: $0 [--built PROGRAM]" >&2; exit 2 ;;
esac
mkdir -p target/lambda/bootstrap
program=target/lambda/bootstrap/bootstrap
# What it does not need to run is a third of the artefact, and of each cold start.
strip -o "$program" "$built"
crates/lambda/scripts/glibc.sh "$program"
python3 deploy/aws/pack.py "$program" target/lambda/bootstrap.zip
echo "target/lambda/bootstrap.zip: $(stat -c %s target/lambda/bootstrap.zip) bytes"
