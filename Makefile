# Two commands: `make demo` and `make test`. Everything lands in .venv and .demo; no root needed.
PYTHON ?= python3
# Test processes at once. The tests start servers, agents and builds of their own.
JOBS ?= 2

# Set in some shells; without compiled files every interpreter starts two to four times slower.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-faults lint venv clean

demo: .venv/.demo-ready
	.venv/bin/python examples/demo.py

# worksteal: the slow tests stand together in a few files, and no worker should be left with them.
test: venv
	.venv/bin/python -m pytest -n $(JOBS) --dist worksteal -m "not slow_fault"

# The faults that take their time: see docs/faults.md. And chaos, whose seed is told before and after it:
# make test-faults CHAOS="--chaos-seed 7 --chaos-seconds 3600"
test-faults: venv
	.venv/bin/python -m pytest -n $(JOBS) --dist worksteal -m slow_fault tests/faults tests/chaos $(CHAOS)

lint: venv
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/pyright --pythonpath .venv/bin/python
	.venv/bin/lint-imports

venv: .venv/.ready

.venv/.ready: pyproject.toml bootstrap.py
	$(PYTHON) bootstrap.py
	touch $@

# What the example's script imports: a desk has it anyway, this project does not.
.venv/.demo-ready: .venv/.ready
	.venv/bin/uv pip install --quiet --python .venv/bin/python --group demo
	touch $@

clean:
	rm -rf .venv .demo dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
