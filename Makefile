# Sum & Skip. `make` lists what there is; the logic is in tools/, this file only names it.

PYTHON ?= python3
PY := .venv/bin/python
READY := .venv/.ready
PYTEST := $(PY) -m pytest
LAB_ARGS ?=
DEMO_ARGS ?=
DESK_ARGS ?=
FAIRNESS_ARGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL: # nothing starts while the set-up is under way
.PHONY: help setup lab desk demo book test quick fairness gallery lint bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The stamp is written last, so that an interrupted set-up starts again.
$(READY): pyproject.toml constraints.txt tools/setup.py
	@$(PYTHON) tools/setup.py

setup: ## install everything into .venv (bubblewrap and chromium too, where it may)
	@$(PYTHON) tools/setup.py

lab: $(READY) ## take the course: JupyterLab on work/, e.g. LAB_ARGS="--no-browser --port 9999"
	@$(PY) tools/lab.py lab $(LAB_ARGS)

desk: $(READY) ## teach the course: formgrader, and JupyterLab, in the course root
	@$(PY) tools/lab.py desk $(DESK_ARGS)

demo: $(READY) ## grade a class of invented learners, in demo/, and open it, e.g. DEMO_ARGS="--students 100"
	@$(PY) -m autograder demo $(DEMO_ARGS)

book: $(READY) ## build the lessons to be read, in build/book; SOLVED=1: with solutions
	@$(PY) tools/book.py $(if $(SOLVED),--solved)

# Fairness first: it makes the secret keys that tests want, each of them once. Three at a time on two cores: some
# tests wait for a time limit.
test: setup lint fairness ## everything that must hold (some minutes)
	$(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder --durations 15

quick: $(READY) ## the quick tests (under 90 s)
	$(PYTEST) -q -n 2 -m quick

fairness: $(READY) ## submit the answers we know, and programs made by chance, e.g. FAIRNESS_ARGS="--programs 9000 --seed 2"
	$(PY) tests/fairness.py $(FAIRNESS_ARGS)

gallery: $(READY) ## draw every model we have, for a look
	$(PY) tests/gallery.py

lint: $(READY) ## ruff, mypy, and spelling
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m codespell_lib notebooks docs src autograder tools *.md

bench: $(READY) ## measure tracing, grading and the lessons
	$(PY) -m pip install --quiet --constraint constraints.txt --editable ".[bench]"
	@for script in benchmarks/*.py; do echo "== $$script"; $(PY) "$$script" || exit 1; done

clean: ## remove what tests and tools leave behind; never .venv, work/ or anything of the gradebook
	rm -rf build release .release-* out .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	find . -name __pycache__ -not -path './.venv/*' -type d -prune -exec rm -rf {} +
