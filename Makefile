# Two commands on a fresh machine: git clone, then make demo. `make help` lists the targets.

SHELL := /bin/sh
PYTHON := .venv/bin/python
CARGO ?= cargo
MODEL := models/baseline/5
PREFIX := /opt/spit
SECONDS := 600
MINUTES := 10
FUZZ_TARGETS := hep packet sip_message sip_stream tracker

RUST_SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find crates -name '*.rs' -o -name Cargo.toml)
# Inside .venv: a new venv needs a new build.
BUILT := .venv/rust-module.built

.DEFAULT_GOAL := help
.PHONY: help setup build demo install test lint bench bench-live bench-service bench-memory bench-detection bench-training bench-soak fuzz models captures clean bench-transfer
.NOTPARALLEL:

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1 \t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## install what is missing: system programs, .venv, locked Python packages
	@tools/setup.sh

build: $(BUILT) ## compile the Rust module into .venv

$(BUILT): $(RUST_SOURCES) | setup
	VIRTUAL_ENV="$(CURDIR)/.venv" CARGO="$(CARGO)" .venv/bin/maturin develop --release --locked
	@touch $@

demo: build ## score a capture with spam campaigns in it and compare with its labels
	@tools/demo.sh

install: build ## install for service under PREFIX (/opt/spit), with the shipped model and systemd units
	@tools/install.sh "$(PREFIX)"

test: build ## unit and property tests, Rust and Python
	$(CARGO) test --locked --quiet -p spit-core -p spit-file -p spit-live
	$(PYTHON) -m pytest -m "not e2e"

lint: build ## formatters, linters, types, import rules; what is missing is installed or told, never skipped
	@tools/setup.sh --lint
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	shellcheck tools/*.sh .ci/run

bench: build ## compare decoding with tshark, sipgrep and sngrep; writes benches/results/
	@tools/setup.sh --bench
	$(PYTHON) benches/decode.py --date "$$(date -u +%F)"

fuzz: ## look for inputs that break the core, SECONDS=600 a target; needs rustup's nightly and cargo-fuzz
	@cargo +nightly fuzz --version >/dev/null 2>&1 || { \
		echo "make fuzz: expected a nightly toolchain of rustup and cargo-fuzz (cargo install cargo-fuzz)" >&2; exit 1; }
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p fuzz/corpus/$$target; \
		cargo +nightly fuzz run $$target fuzz/corpus/$$target fuzz/seeds/$$target fuzz/regressions/$$target -- \
			-max_total_time=$(SECONDS) -max_len=4096 -timeout=10 -dict=fuzz/dictionary.txt \
			-print_final_stats=1 || exit 1; \
	done

bench-live: build ## measure live capture over a veth pair (root); writes benches/results/
	@tools/setup.sh --bench
	$(PYTHON) benches/live.py --date "$$(date -u +%F)"

bench-service: build ## measure single questions beside a constant of the same service; writes benches/results/
	@tools/setup.sh --bench
	$(PYTHON) benches/service.py --date "$$(date -u +%F)"

bench-detection: build ## measure the shipped model and the baselines on benches/detection.toml; writes benches/results/
	$(PYTHON) benches/detection.py --date "$$(date -u +%F)"

bench-transfer: build ## measure the shipped model on traffic by another author; writes benches/results/
	$(PYTHON) benches/transfer.py --date "$$(date -u +%F)"

bench-training: build ## measure time and memory of training by number of calls; writes benches/results/
	$(PYTHON) benches/training.py --date "$$(date -u +%F)"

models: build ## train the shipped model again from its seeds, into build/, and compare
	rm -rf build/$(MODEL)
	$(PYTHON) -m spit train --progress --world-seeds 1-10 --benchmark benches/detection.toml --ablate --output build/$(MODEL)
	@diff -rq build/$(MODEL) $(MODEL) && echo "the same as $(MODEL)" || \
		echo "not the same as $(MODEL): to ship it, move it to models/ under a new version"

captures: build ## make the captures of captures/ again
	$(PYTHON) captures/make.py

bench-memory: build ## measure memory for each call and caller; writes benches/results/
	$(PYTHON) benches/memory.py --date "$$(date -u +%F)"

bench-soak: build ## serve under load for MINUTES=10 and watch memory; writes benches/results/
	$(PYTHON) benches/soak.py --date "$$(date -u +%F)" --minutes $(MINUTES)

clean: ## remove what was built (not .venv's packages)
	rm -rf target .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f $(BUILT) spit/_core*.so
	find spit tests benches captures -name __pycache__ -type d -prune -exec rm -rf {} +
