# The commands of this repository; each sets up what it needs.
# SPDX-License-Identifier: Apache-2.0
.PHONY: bench bench-quick demo lint mutants rows setup site test test-all unit

# All tests but the slow ones; in three processes, since much of a build is waiting.
test: lint setup
	.venv/bin/pytest -m "not slow and not rows" -n 3 --dist loadfile --no-loadscope-reorder

# What CI runs: these and the slow ones, a farm's faults and load, more modes.
test-all: lint setup
	tools/setup browser site
	.venv/bin/pytest -m "not rows" -n 3 --dist loadfile --no-loadscope-reorder

# A guided tour: generate a project, build it cold, warm and remotely.
demo:
	tools/setup demo
	.venv/bin/python tools/demo.py

# The fast tests alone.
unit: lint
	.venv/bin/pytest -n 2 tests/unit

# Every construct of tests/e2e/trust/constructs.tsv in every mode, with gcc and clang: half an hour.
rows: setup
	.venv/bin/pytest tests/e2e/test_rows.py

# Whether the tests of docs/trust.md fail when its mechanisms are removed: 50 minutes.
mutants: setup
	.venv/bin/python tools/mutants.py

# Whole builds against plain ones, recc as it is set up elsewhere, and the floor; 50 minutes.
bench: setup
	.venv/bin/python benchmarks/bench.py --write

# Does the benchmark itself work? 3 minutes.
bench-quick: setup
	.venv/bin/pytest tests/e2e/test_benchmarks.py

# The documentation site, in build/site; a dead link is an error.
site:
	tools/setup site
	.venv/bin/sphinx-build -W --keep-going -q -c docs . build/site

lint:
	tools/setup demo unit
	tools/lint

setup:
	tools/setup demo unit e2e
