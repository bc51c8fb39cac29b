# make demo: hear it.  make test: check it.  make install: just the command, in .venv.
PYTHON = python3
VENV = .venv
BIN = $(VENV)/bin
TEST_PACKAGES = liblo-tools lua5.4 lua-socket lua-check ardour

.PHONY: install demo test lint bench clean

install: $(VENV)/installed

demo: $(VENV)/installed
	$(BIN)/backline demo -o out/demo

test: $(VENV)/installed-test
	@sh tests/packages.sh $(TEST_PACKAGES)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed-test
	$(BIN)/python -m benchmarks.daemon

clean:
	rm -rf $(VENV) out build *.egg-info

# The stamps are newer than pyproject.toml once all that it names is installed.
$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml $(VENV)/bin/python
	@echo "installing the Python packages into $(VENV): PyTorch is large, this can take minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/installed-test: pyproject.toml $(VENV)/bin/python
	@echo "installing the Python packages into $(VENV): PyTorch is large, this can take minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $(VENV)/installed $@
