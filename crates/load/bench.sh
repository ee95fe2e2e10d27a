#!/usr/bin/env bash
# Builds the server and the generator with optimisations and measures everything; arguments go to `bench`.
# Writes docs/benchmarks.md unless --document names another file; exit code 1 when a correctness check failed.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release -p cli -p load
exec target/release/dynamowave-load bench --server target/release/dynamowave "$@"
