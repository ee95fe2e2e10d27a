#!/usr/bin/env bash
# Builds the program of the functions for this machine's processor, sees that the runtime provided.al2023 has the C
# library it needs, and packs it: target/lambda/bootstrap.zip, and target/lambda/bootstrap/ for deploy.sh.
# Usage: aws-lambda.sh [CARGO PROFILE]
set -euo pipefail
cd "$(dirname "$0")/../.."

profile=${1:-release}
case "$profile" in dev) folder=debug ;; *) folder=$profile ;; esac
cargo build --profile "$profile" -p lambda --bin bootstrap
mkdir -p target/lambda/bootstrap
program=target/lambda/bootstrap/bootstrap
# What it does not need to run is a third of the artefact, and of each cold start.
strip -o "$program" "${CARGO_TARGET_DIR:-target}/$folder/bootstrap"
crates/lambda/scripts/glibc.sh "$program"
python3 deploy/aws/pack.py "$program" target/lambda/bootstrap.zip
echo "target/lambda/bootstrap.zip: $(stat -c %s target/lambda/bootstrap.zip) bytes"
