# Didban. Needs python3, pip, make and git; root or not. Everything lands in ./.uv and ./.venv.
#
# Another interpreter:    make PYTHON=python3.12 check
# Part of the tests:      make test ARGS='tests/storage -m "not slow"'

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SHELLFLAGS := -eu -c
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
PYTHON ?= >=3.11,<3.14
BIN := .venv/bin
UV := .uv/$(UV_VERSION)/bin/uv
READY := .venv/.ready

# uv does not read pip's configuration: for this run it is told the operator's mirror, certificate and proxy. Its own variables win.
pip = $(shell python3 -m pip config list 2>/dev/null | sed -n "s/^[^=]*\.$(1)='\(.*\)'$$/\1/p" | head -n 1)
uv = env UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX-$(call pip,index-url)}" SSL_CERT_FILE="$${SSL_CERT_FILE-$(call pip,cert)}" \
	ALL_PROXY="$${ALL_PROXY-$(call pip,proxy)}" UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV)

.PHONY: help demo test test-browser pictures chromium check lock bundle install bench-peers clean
help: ## what can be made (this list)
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(READY) ## the whole job against a local replay of the sites; no internet
	@$(BIN)/didban demo

test: $(READY) ## every test (ARGS='…' is handed to pytest)
	@$(BIN)/pytest -q -n 2 --dist loadfile $(ARGS)

test-browser: $(READY) ## the tests in a real browser; installs Chromium by the system's package manager where there is none
	@command -v chromium chromium-browser google-chrome-stable >/dev/null || $(MAKE) chromium
	@DIDBAN_TEST_BROWSER=required $(BIN)/pytest -q tests/browser $(ARGS)

pictures: $(READY) ## docs/pictures: the page as a browser shows it, drawn anew from the demo
	@rm -f docs/pictures/*.png
	@DIDBAN_PICTURES=1 $(MAKE) test-browser

chromium:
	@install() { if [ "$$(id -u)" = 0 ]; then "$$@"; else sudo -n "$$@"; fi; }; \
	if command -v apt-get >/dev/null; then install apt-get update -qq; install apt-get install -qq -y --no-install-recommends chromium >/dev/null; \
	elif command -v dnf >/dev/null; then install dnf install -q -y chromium; \
	elif command -v pacman >/dev/null; then install pacman -Sy --noconfirm chromium; \
	elif command -v apk >/dev/null; then install apk add -q chromium; \
	else echo "make: install Chromium by hand: no package manager that is known here" >&2; exit 1; fi

check: $(READY) ## format, lint, types, import contracts, every test: what CI runs
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ty check --no-progress --quiet
	@$(BIN)/lint-imports --no-logo
	@$(MAKE) test

lock: $(UV) ## write requirements*.txt again from pyproject.toml (ARGS=--upgrade for newer versions)
	@$(uv) pip compile pyproject.toml --extra hazm --group dev --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 --quiet -o requirements-dev.txt $(ARGS)
	@$(uv) pip compile pyproject.toml --extra hazm --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 --quiet -c requirements-dev.txt -o requirements.txt $(ARGS)
	@$(uv) pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 --quiet -c requirements-dev.txt -o requirements-light.txt $(ARGS)
	@$(uv) pip compile bench/peers.in --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 --quiet -o bench/peers.txt $(ARGS)

LOCK ?= requirements.txt
bundle: $(READY) ## lock and wheels of this platform as one file in dist/, for servers without an index (LOCK=requirements-light.txt: without hazm)
	@rm -rf .bundle
	@$(uv) build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir .bundle .
	@$$($(uv) python find --system '$(PYTHON)') deploy/bundle.py --lock '$(LOCK)' --wheel .bundle/*.whl --also uv==$(UV_VERSION)
	@rm -rf .bundle

install: ## .venv from such a file, asking no index: make install BUNDLE=didban-….tar
	@test -f '$(BUNDLE)' || { echo "make: BUNDLE= names the file that \`make bundle\` wrote" >&2; exit 1; }
	@rm -rf .bundle $(READY) && mkdir .bundle && tar -xf '$(BUNDLE)' -C .bundle
	@python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-index --find-links .bundle/wheels \
		--upgrade --target .uv/$(UV_VERSION) uv==$(UV_VERSION)
	@UV_PYTHON_DOWNLOADS=never $(UV) venv --quiet --no-config --allow-existing --python '$(PYTHON)' .venv
	@UV_LINK_MODE=copy $(UV) pip sync --quiet --no-config --offline --no-index --find-links .bundle/wheels --require-hashes --compile-bytecode \
		--python $(BIN)/python .bundle/requirements.txt
	@rm -rf .bundle
	@echo "$(BIN)/didban is installed: $$($(BIN)/didban --version)"

bench-peers: $(UV) bench/peers.txt ## what bench/parse.py and bench/ingest.py compare with, in an environment of its own (.venv-peers)
	@$(uv) venv --quiet --allow-existing --python '$(PYTHON)' .venv-peers
	@$(uv) pip sync --quiet --python .venv-peers/bin/python --require-hashes bench/peers.txt

clean: ## remove what make made (never var/, which holds your articles)
	@rm -rf .venv .venv-peers .uv .bundle .ruff_cache .import_linter_cache .pytest_cache .hypothesis

$(UV):
	@python3 -m pip --version >/dev/null || { echo "make: python3 has no pip; install it (Debian: apt install python3-pip)" >&2; exit 1; }
	@python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --upgrade --target .uv/$(UV_VERSION) uv==$(UV_VERSION)

# The build backend is in the lock too, so the project itself is built without asking the index for anything.
$(READY): $(UV) requirements-dev.txt pyproject.toml
	@$(uv) venv --quiet --allow-existing --python '$(PYTHON)' .venv || { echo "make: Didban needs Python 3.11, 3.12 or 3.13" >&2; exit 1; }
	@$(uv) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements-dev.txt
	@$(uv) pip install --quiet --python $(BIN)/python --no-build-isolation --no-deps --editable .
	@touch $@
