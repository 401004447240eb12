# Two commands: `make demo` and `make test`. Everything lands in .venv and .demo.
PYTHON ?= python3

.PHONY: demo test venv lint clean

venv: .venv/.ready

.venv/.ready: pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --upgrade pip uv
	.venv/bin/uv pip install --quiet --python .venv/bin/python --editable '.[all]' --group dev
	touch $@
