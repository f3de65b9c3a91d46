# The commands of a development checkout. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Tests and lint see the crash points; everything is built with them once, and never twice.
# Release builds do not have them.
FEATURES := --features postrider-common/failpoints
# Tests that do not depend on the pair of engines, or go through both in one run.
ONCE := architecture:: broker:: migrate:: store::
SCRIPTS := scripts/engines scripts/services scripts/demo scripts/with-engines scripts/clean-dev scripts/bench scripts/verifiers .ci/run

.PHONY: help build up down demo bench test lint fmt clean-dev

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | while IFS=$$'\t' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

build: ## Build the binaries into target/debug
	cargo build --workspace --bins $(FEATURES)

up: build ## Start PostgreSQL, RabbitMQ and the three services on this machine
	@scripts/engines up
	@eval "$$(scripts/engines env)" && scripts/services up

down: ## Stop what `make up` and `make demo KEEP=1` started
	@for dir in .dev .dev/demo; do export POSTRIDER_DEV_DIR=$$dir; scripts/services down; scripts/engines down; done

demo: build ## Watch events being delivered, by a stack of its own (STACK=distributed, KEEP=1)
	@STACK=$(or $(STACK),embedded) KEEP=$(or $(KEEP),0) scripts/demo

# The bench has the store's test hooks; built apart, the services do not.
bench: ## Measure a release build; STACK=distributed (as it is), embedded or both; SCENARIO=..., see scripts/bench help
	cargo build --release -p postrider -p postrider-ingest -p postrider-dispatcher -p postrider-api
	cargo build --release -p postrider-bench
	@STACK=$(or $(STACK),distributed) scripts/bench

test: ## Run every test, on PostgreSQL and RabbitMQ and again on the engines inside standalone
	scripts/verifiers
	cargo build --workspace --bins --tests $(FEATURES)
	POSTRIDER_TEST_PAIR=distributed scripts/with-engines cargo test --workspace $(FEATURES)
	POSTRIDER_TEST_PAIR=embedded RUST_TEST_THREADS=$$((2 * $$(nproc))) cargo test --workspace $(FEATURES) --test it -- $(ONCE:%=--skip %)

lint: ## Check format, lints, documentation, dependencies, scripts
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(FEATURES) -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items $(FEATURES)
	cargo test --workspace $(FEATURES) --test it architecture::
	@if cargo deny --version >/dev/null 2>&1; then echo cargo deny check bans licenses sources; cargo deny check --hide-inclusion-graph bans licenses sources; \
		else echo "skipped: cargo deny (not installed; the architecture test covers who may use what)"; fi
	for script in $(SCRIPTS) scripts/*.sh; do bash -n "$$script"; done
	@if command -v shellcheck >/dev/null; then echo shellcheck -x $(SCRIPTS); shellcheck -x $(SCRIPTS); \
		else echo "skipped: shellcheck (not installed)"; fi

fmt: ## Format the code
	cargo fmt --all

clean-dev: ## Stop the stacks of this checkout and remove their data, logs and keys
	@scripts/clean-dev
