# Each target sets up what it needs in .venv; running one again costs nothing when nothing changed.
#   make demo              light install (no torch), masks a simulated scene
#   make demo SCENE=x.tif  masks your own
#   make test              every extra, lints, cargo and Python tests
#   make docs              the documentation site, into build/docs
#   make lint | bench | kills | interruptions | soak | coverage | fuzz | miri | audit | model | experiment | newuser
#   make wheel | clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CHIPS ?= ../shared/data
DEVICE ?= cpu
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
SOURCES := pyproject.toml constraints.txt Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)

export PYO3_PYTHON = $(abspath $(BIN)/python)

MINUTES ?= 3

.PHONY: demo test lint rust-test python-test bench kills fuzz miri audit interruptions soak docs coverage model experiment newuser wheel clean

demo: $(VENV)/light
	$(BIN)/python examples/demo.py $(if $(SCENE),"$(SCENE)")

test: lint rust-test python-test

lint: $(VENV)/full
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest catfast._core
	cargo fmt --check
	cargo clippy --quiet --workspace --all-targets --locked -- -D warnings

rust-test: $(VENV)/full
	cargo test --quiet --locked -p catfast-core

python-test: $(VENV)/full
	$(BIN)/python -m pytest

bench: $(VENV)/full
	cargo bench --locked -p catfast-core
	for bench in benches/bench_*.py; do $(BIN)/python $$bench || exit 1; done

# The recipe of the bundled model, into work/model/default: about two hours on two cores; resumes.
# DEVICE=cuda runs it on a GPU, where a PyTorch with CUDA is in .venv.
model: $(VENV)/full
	$(BIN)/python -m recipes.default_model all --device $(DEVICE) \
	  --chips $(CHIPS) --work work/model --out work/model/default

# The paper's experiment on simulated scenes, into work/experiment: hours; SMALL=1: half an hour of two quiet cores.
experiment: $(VENV)/full
	$(BIN)/python -m recipes.experiment --work work/experiment$(if $(SMALL),-small --small)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("catfast needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/light: $(BIN)/python $(SOURCES)
	$(PIP) -e .
	touch $@

$(VENV)/full: $(BIN)/python $(SOURCES)
	$(PIP) -e ".[all,dev]"
	touch $(VENV)/light $@

# Kills `catfast patches` at 20 random points a format and compares the resumed stores: minutes.
kills: $(VENV)/full
	$(BIN)/python -m tests.kills

# A million runs of each fuzz target (RUNS=n for fewer), by libFuzzer where a nightly compiler and cargo-fuzz are
# installed, else by proptest: minutes. What was run is in rust/fuzz/RECORD.md.
fuzz:
	sh rust/fuzz/run.sh

# The kernels under miri, which finds undefined behaviour; needs `rustup component add miri --toolchain nightly`.
miri:
	sh rust/miri.sh

# Licences and sources of all crates, and known weaknesses of crates and packages; a list that cannot be reached
# is said in a sentence; needs `cargo install --locked cargo-deny`.
audit: $(VENV)/full
	cargo deny check licenses bans sources
	$(PIP) pip-audit
	$(BIN)/python -m tests.audit

# Strikes every command at random moments, and tries faulty disks, streams, locks and clocks: half an hour.
interruptions: $(VENV)/full
	$(BIN)/python -m tests.interruptions --blows 20

# Masks scenes in one process and watches memory, open files and the folder; make soak MINUTES=60.
soak: $(VENV)/full
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

docs: $(VENV)/full
	$(BIN)/python -m sphinx -q -W --keep-going -b html -d build/doctrees docs build/docs

# Line coverage of Python and Rust by the whole test suite; make coverage TESTS="tests/unit tests/property".
coverage: $(VENV)/full
	$(BIN)/python -m tests.coverage_report $(TESTS)

# From git clone to a first mask in an empty environment, timed part by part: minutes.
newuser: $(VENV)/light
	$(BIN)/python benches/newuser.py

# An abi3 wheel for any Linux with glibc 2.28 or newer, into dist.
wheel: $(VENV)/full
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m maturin build --release --zig --compatibility manylinux_2_28 --out dist

clean:
	rm -rf $(VENV) target demo build dist
