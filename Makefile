# DynamoWave Chat: everything people and machines do here, by name. `make` alone lists it.
# Each stage of `make test` can be run alone; the order is that of the cheapest verdict.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

DATA ?= ./data
LISTEN ?= 127.0.0.1:8080
SECONDS_EACH ?= 60
# Journeys of the web app in `make browser`; none named is all that give a verdict.
JOURNEYS ?= firstRun changes killed offline devices tabs notices logOut people files hostile letters search crowd \
  reachable german rightToLeft accessible
LOGS := target/ci
BINARY := target/release/dynamowave

# Stages of `make test`, cheapest verdict first.
STAGES := fmt tidy web-test lint unit fresh documents browser test-aws
# Every test with every feature: the stages build one and the same selection, so that nothing is compiled twice.
EVERYTHING := --workspace --features cli/aws

.PHONY: help
help: ## List what there is
	@echo "DynamoWave Chat"
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | column -t -s $$'\t'

# ---- run ----

.PHONY: run
run: tools web release ## Build and start the server (DATA=./data LISTEN=127.0.0.1:8080)
	exec $(BINARY) serve --data '$(DATA)' --listen '$(LISTEN)'

.PHONY: web
web: ## Build the web app, which the next release embeds (Node 20 or newer)
	@if [ -f web/package.json ]; then \
	  xtask/scripts/tools.sh web; \
	  cd web && { [ -d node_modules ] && [ node_modules -nt package-lock.json ] || npm ci --no-audit --no-fund; } && npm run build; \
	  touch ../crates/cli/build.rs; \
	fi

.PHONY: release
release: tools ## Build the release binaries
	cargo build --release --bins

.PHONY: tools
tools: ## Check for Rust and a C compiler, install them where possible
	@xtask/scripts/tools.sh rust

# ---- test ----

.PHONY: test
test: tools ## Run every check and test
	@mkdir -p $(LOGS); rm -f $(LOGS)/*.log; \
	for stage in $(STAGES); do \
	  start=$$(date +%s); \
	  echo; echo "=== $$stage"; \
	  if $(MAKE) $$stage 2>&1 | tee $(LOGS)/$$stage.log; then \
	    echo "=== $$stage: passed in $$(( $$(date +%s) - start )) s"; \
	  else \
	    echo "=== $$stage: FAILED after $$(( $$(date +%s) - start )) s"; exit 1; \
	  fi; \
	done; \
	xtask/scripts/summary.sh $(LOGS)

.PHONY: fmt
fmt: ## Is everything formatted?
	cargo fmt --all --check

.PHONY: tidy
tidy: ## The repository's own rules: arrows, headers, sizes, links, citations
	cargo test -p xtask

.PHONY: web-test
web-test: web ## Types, lint and unit tests of the web app
	cd web && npm run lint && npm test

.PHONY: lint
lint: ## Clippy, warnings denied: everything, and the program as people build it
	cargo clippy $(EVERYTHING) --all-targets -- -D warnings
	cargo clippy -p cli -- -D warnings

.PHONY: unit
unit: ## Unit, integration, property and simulation tests
	@if cargo nextest --version >/dev/null 2>&1; then \
	  cargo nextest run $(EVERYTHING) --no-fail-fast && cargo test $(EVERYTHING) --doc; \
	else \
	  cargo test --no-fail-fast; \
	fi

.PHONY: fresh
fresh: ## Are the generated files what would be generated now?
	cargo test -q $(EVERYTHING) --no-run
	cargo run -q -p xtask -- fresh

.PHONY: documents
documents: tools ## Does every command of the README and of the book do what it says?
	cargo test -q $(EVERYTHING) --no-run
	xtask/scripts/documents.sh $${CARGO_TARGET_DIR:-target}/debug/dynamowave

.PHONY: browser
browser: tools ## Journeys through the web app in real browsers, against the real server
	@xtask/scripts/tools.sh browser
	@[ -e web/dist/index.html ] || $(MAKE) web
	cargo test -q $(EVERYTHING) --no-run
	cd web && SERVER_BINARY="$$(realpath "$${CARGO_TARGET_DIR:-../target}")/debug/dynamowave" npm run test:browser -- $(JOURNEYS)

.PHONY: lambda
lambda: tools ## The program of the functions, packed for deploy/aws/deploy.sh
	xtask/scripts/aws-lambda.sh

.PHONY: test-aws
test-aws: tools ## Everything about AWS on this machine: templates, backend, processes, handlers deployed with roles enforced
	@xtask/scripts/tools.sh aws
	xtask/scripts/test-aws.sh

.PHONY: test-nodes
test-nodes: tools ## Only gateways, persisters and notifiers behind HAProxy, killed and stopped in turn under load
	@xtask/scripts/tools.sh aws
	xtask/scripts/test-nodes.sh

.PHONY: crash
crash: tools ## kill -9 under load, again and again (CRASH_KILLS=200, CRASH_SEED=…)
	CRASH_KILLS=$${CRASH_KILLS:-200} cargo test --release -p cli --test it -- --nocapture kill_9

.PHONY: fuzz
fuzz: ## Every fuzz target for SECONDS_EACH seconds (needs nightly and cargo-fuzz)
	@xtask/scripts/tools.sh fuzz
	@cargo run -q -p xtask -- fuzz-list | while read -r folder target; do \
	  echo "=== $$target ($$folder)"; \
	  (cd "$$folder" && cargo +nightly fuzz run --fuzz-dir . "$$target" -- -max_total_time=$(SECONDS_EACH)) || exit 1; \
	done

# ---- measure, document, ship ----

.PHONY: bench
bench: release ## Measure everything; writes docs/benchmarks.md
	target/release/dynamowave-load bench --server $(BINARY)

.PHONY: measure-lambda
measure-lambda: tools ## Cold starts, warm calls and memory of the functions
	xtask/scripts/measure-lambda.sh

.PHONY: docs
docs: ## Render the book to target/book
	@xtask/scripts/tools.sh book
	PATH="$$PATH:$(CURDIR)/target/ci/python/bin" mdbook build docs

.PHONY: image
image: ## Build the container image (docker or podman)
	@xtask/scripts/tools.sh container
	$$(command -v docker || command -v podman) build -f deploy/Dockerfile -t dynamowave:local .

.PHONY: clean
clean: ## Remove everything built; data stays
	cargo clean
