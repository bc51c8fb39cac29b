# make demo      make a piece of music in out/demo
# make test      run every check          make test-fast   the same without the slow tests
# make test-midi run the tests of one folder: test-audio, test-daemon, test-osc_protocol ...
# make lint      formatter, linter, types make install     only the command, in .venv
# make recordings judge the alignment on music made by people, fetched from Debian
# make install-light  measure, conform, slice, plan: without torch, 0.4 GB
# make bench     measure the daemon's speed
# make test-all  make test, make browser (the page at length), make torture
# make torture   try to break the daemon, for minutes; with FULL=1 for hours
# make pages     write what is generated from the tables: protocol page, schemas, Lua table
PYTHON = python3
VENV = .venv
BIN = $(VENV)/bin
# Files of tests side by side, one on each core; a torch with threads of its own would fight for them.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile
TEST_PACKAGES = liblo-tools lua5.4 lua-socket lua-check ardour systemd libxml2-utils chromium godot3-server

.PHONY: install install-light demo test test-all test-fast packages lint pages bench torture browser recordings clean

install: $(VENV)/installed
	@echo "backline is $(abspath $(BIN))/backline. To type it bare in this terminal: . $(BIN)/activate"
	@echo "and in all of them:  mkdir -p ~/.local/bin && ln -sf $(abspath $(BIN))/backline ~/.local/bin/"

# What measures, conforms, slices, plans and sends orders; `make install` adds the rest to it.
install-light: $(VENV)/installed-light
	@echo "backline, without generate and split, is $(abspath $(BIN))/backline"

demo: $(VENV)/installed
	$(BIN)/backline demo -o out/demo

test: lint packages
	$(PYTEST)

# Debian packages that some tests need; as root they are installed, otherwise named.
packages:
	@sh tests/packages.sh $(TEST_PACKAGES)

test-all: test browser torture

# The page in a browser, for minutes.
browser: $(VENV)/installed-test
	$(BIN)/python -m pytest -q tests/daemon/browser_proof.py

test-fast: lint
	$(PYTEST) -q -m "not slow"

test-%: $(VENV)/installed-test
	$(PYTEST) -q tests/$*

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

pages: $(VENV)/installed
	$(BIN)/python -m docs.pages

bench: $(VENV)/installed-test
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.daemon

torture: $(VENV)/installed-test
	$(BIN)/python -m tests.torture $(if $(FULL),--full)

recordings: $(VENV)/installed-test
	$(BIN)/python -m benchmarks.recordings

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

$(VENV)/installed-light: requirements-light.txt $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-light.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/installed-test: pyproject.toml $(VENV)/bin/python
	@echo "installing the Python packages into $(VENV): PyTorch is large, this can take minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $(VENV)/installed $@
