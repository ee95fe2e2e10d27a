#!/usr/bin/env bash
# Cold starts, warm calls and memory of the functions: the release artefact under `cargo lambda watch`.
# Prints the table of docs/operate/functions.md. Stops what it started. Usage: measure-lambda.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=xtask/scripts/aws-tools.sh
. xtask/scripts/aws-tools.sh

watch=$(aws_tool watch)
xtask/scripts/aws-lambda.sh
start_emulator
trap 'kill -- "-$emulator_pid"' EXIT
"$(aws_tool emulator)/bin/python" crates/lambda/scripts/measure.py "$watch/bin/cargo-lambda" target/lambda/bootstrap/bootstrap
