# Needs Python >= 3.11 and make, nothing else. `make help` lists the commands.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: demo test test-fast fuzz bench bench-peers porting lint style docs docs-quick docs-links pictures package clean help

PYTHON ?=
NAME ?= demo
BIN := .venv/bin
# What is unchanged is not read again; what ran is not run again (docs/build/executed).
SPHINX = $(BIN)/python -m sphinx -W --keep-going -j auto -q
FUZZED := tests/contract/test_random_neurons.py tests/chip/test_truenorth_parity.py tests/chip/test_mapping.py \
	tests/chip/test_loihi_emulator.py tests/interop/nir/test_random_graphs.py
PEERS := benchmarks/peers/.venv
# All contestants run in one process, so where the peers are installed, rheobase is timed among them.
BENCH_PYTHON = $(if $(wildcard $(PEERS)/.installed),$(PEERS),.venv)/bin/python

# The first interpreter that runs and is new enough: the default one, then by version.
find_python = for python in $(PYTHON) python3 python3.11 python3.12 python3.13 python3.14 python; do \
	if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo "$$python"; exit 0; fi; done; \
	echo 'rheobase needs Python >= 3.11 with its venv module, and none was found on PATH.' >&2; \
	echo 'Install it (on Debian or Ubuntu: apt install python3 python3-venv), or name one:' >&2; \
	echo '    make $(or $(MAKECMDGOALS),test) PYTHON=/path/to/python3.11' >&2; exit 1

# pyright comes with its node from a wheel; it need not ask the network for a newer version of itself.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The tests start some hundred processes; each would compile all sources again.
unexport PYTHONDONTWRITEBYTECODE

demo: .venv/.installed ## train a spiking network on real handwritten digits, write runs/demo/report.html
	$(BIN)/rheobase train --neuron SRC --data digits --name $(NAME)

# The types, one thread for a minute, are checked beside the tests: what is wrong is said at once, and again at the end.
test: .venv/.installed-dev style ## run every check: style, types, layers, house rules, tests
	@said=$$(mktemp); trap 'rm -f "$$said"' EXIT; trap 'exit 130' INT; \
	{ $(BIN)/pyright > "$$said" 2>&1 || { echo; cat "$$said"; exit 1; }; } & types=$$!; \
	$(BIN)/python -m pytest -n auto --maxprocesses 8 $(PYTEST); tests=$$?; \
	wait $$types; types=$$?; cat "$$said"; exit $$((tests ? tests : types))

test-fast: .venv/.installed-dev ## run a part of the tests in some two minutes, while working; `make test` stays the gate
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --fast $(PYTEST)

fuzz: .venv/.installed-dev ## compare the kernels of 10,000 random neurons, boards, networks on Loihi's cores and graphs of NIR with the references, 10 boards for 10,000 ticks (hours; N=... for fewer)
	RHEOBASE_FUZZ=$(or $(N),10000) $(BIN)/python -m pytest -n auto --maxprocesses 4 $(FUZZED)

lint: style ## run the static checks alone
	$(BIN)/pyright

style: .venv/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

docs: .venv/.installed-dev ## build the documentation in docs/build/html; any warning fails it
	$(SPHINX) -b html docs docs/build/html

docs-quick: .venv/.installed-dev ## the same without the reference and without running a cell, in seconds
	RHEOBASE_DOCS=quick $(SPHINX) -d docs/build/doctrees-quick -b html docs docs/build/quick

docs-links: .venv/.installed-dev ## ask the network for every address that the documentation links to
	$(SPHINX) -b linkcheck docs docs/build/links

pictures: .venv/.installed-dev ## draw the pictures of the documentation again, and the page of every neuron and channel
	$(BIN)/python docs/pictures.py
	$(BIN)/python docs/architecture.py
	$(BIN)/rheobase gallery --docs docs/neurons
	$(BIN)/rheobase gallery --channels --docs docs/channels

bench: .venv/.installed ## time rheobase against torch, and against its peers where they are installed
	for name in neurons training_step memory startup after_matmul conductance epoch delay cs_gru dqif event_driven tree cells jaxley_cells synapses schemes rallpack truenorth profiler_rows; do \
		$(BENCH_PYTHON) -m benchmarks.$$name $(BENCH) || exit 1; done
	$(BENCH_PYTHON) -m benchmarks.table

bench-peers: $(PEERS)/.installed ## install the peers (snnTorch, Norse, SpikingJelly, NEURON, Brian2, NEST, Jaxley) in an environment of their own

porting: $(PEERS)/.installed ## run both sides of the porting guides, and write how far their spikes agree
	$(PEERS)/bin/python -m benchmarks.porting

package: .venv/.installed-dev ## build wheel and sdist twice, compare them, and look at what they hold
	$(BIN)/python release/package.py

clean: ## remove the environment, caches and builds; keep runs/ and the peers
	rm -rf .venv build dist docs/build docs/reference/packages docs/reference/names .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './benchmarks/peers/*' -prune -exec rm -rf {} +

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

# Set-up. A stamp stands for a finished install, so that a broken-off one is done again and a good one is not.
# Both install in place (-e): what runs is always the checkout, and `make demo` does not undo `make test`.

.venv/.made:
	@python=$$($(find_python)) && echo "$$python -m venv .venv" && "$$python" -m venv .venv && touch $@

.venv/.installed: pyproject.toml constraints.txt | .venv/.made
	$(BIN)/python -m pip install -c constraints.txt -e .
	@touch $@

.venv/.installed-dev: pyproject.toml constraints.txt | .venv/.made
	$(BIN)/python -m pip install -c constraints.txt -e '.[dev]'
	@touch $@ .venv/.installed

$(PEERS)/.made:
	@python=$$($(find_python)) && "$$python" -m venv $(PEERS) && touch $@

$(PEERS)/.installed: benchmarks/peers/requirements.txt | $(PEERS)/.made
	$(PEERS)/bin/python -m pip install -c $< torch
	$(PEERS)/bin/python -m pip install --no-deps -r $<
	$(PEERS)/bin/python -m pip install --no-deps -e .
	@touch $@
