# Darvaz: the verbs. `make` alone prints them; docs/ says more about each.
# On Windows, or without make, each target names its plain equivalent.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
LINTED := $(VENV)/.lint-ready
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help setup compile compiled serve simulate test hil footprint pictures flood fuzz soak bench bench-quick lint
.PHONY: format generate log doctor token enrol signin devices clean
.PHONY: flash firmware rescue repl ls reset monitor erase

help: ## Show this help
	@awk -f tools/help.awk $(MAKEFILE_LIST)

$(READY): pyproject.toml
	@test -x $(BIN)/python || { echo "Creating $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "Installing Darvaz and its test tools (once; about a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(LINTED): $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lint]'
	@touch $@

setup: $(READY) ## Create the virtual environment (python -m venv .venv; pip install -e '.[test]')

compile: $(READY) ## Compile what every message goes through (python -m darvaz.compiled)
	@$(BIN)/python -m darvaz.compiled

compiled: $(READY)
	@$(BIN)/python -m darvaz.compiled --if-possible

##@ The gateway

serve: compiled ## Run the gateway (darvaz serve). ARGS='--port 8080' adds options
	@exec $(BIN)/darvaz serve $(ARGS)

PICO     ?= 1
ESP32CAM ?= 1
simulate: $(READY) ## Run virtual boards: PICO=1 ESP32CAM=1 (darvaz simulate --pico 1 --esp32cam 1)
	@exec $(BIN)/darvaz simulate --pico $(PICO) --esp32cam $(ESP32CAM) $(ARGS)

log: $(READY) ## Show the journal (darvaz log). ARGS='--follow'
	@exec $(BIN)/darvaz log $(ARGS)

devices: $(READY) ## List the devices (darvaz devices)
	@exec $(BIN)/darvaz devices $(ARGS)

enrol: $(READY) ## Open the enrolment window (darvaz enrol)
	@exec $(BIN)/darvaz enrol $(ARGS)

token: $(READY) ## List the tokens (darvaz token list)
	@exec $(BIN)/darvaz token list $(ARGS)

signin: $(READY) ## Print a link that signs a browser in, once (darvaz signin). ARGS='--role viewer'
	@exec $(BIN)/darvaz signin $(ARGS)

URL ?= http://127.0.0.1:3000
doctor: $(READY) ## Find out why a board cannot connect (darvaz doctor URL)
	@exec $(BIN)/darvaz doctor $(URL) $(ARGS)

##@ Boards on USB

PORT ?= auto
BOARD ?=
DEVICE ?=
flash: $(READY) ## Put the firmware on a board and see it online (darvaz flash). BOARD=pico PORT=auto DEVICE=name ARGS=--all
	@exec $(BIN)/darvaz flash $(BOARD) $(foreach port,$(PORT),--port '$(port)') $(if $(DEVICE),--device '$(DEVICE)') $(ARGS)

firmware: $(READY) ## Install MicroPython (darvaz firmware). BOARD=pico BOARD=esp32cam PORT=auto FILE=image
	@exec $(BIN)/darvaz firmware $(BOARD) --port '$(PORT)' $(if $(FILE),--file '$(FILE)') $(ARGS)

rescue: $(READY) ## Get a board back to its prompt, with all of its files (darvaz rescue). PORT=auto
	@exec $(BIN)/darvaz rescue --port '$(PORT)' $(ARGS)

repl: $(READY) ## Type at the prompt of a board (darvaz repl). PORT=auto
	@exec $(BIN)/darvaz repl --port '$(PORT)' $(ARGS)

ls: $(READY) ## List the files of a board (darvaz ls). PORT=auto
	@exec $(BIN)/darvaz ls --port '$(PORT)' $(ARGS)

reset: $(READY) ## Start a board again (darvaz reset). PORT=auto
	@exec $(BIN)/darvaz reset --port '$(PORT)' $(ARGS)

monitor: $(READY) ## Show what a board says (darvaz monitor). PORT=auto ARGS=--reset
	@exec $(BIN)/darvaz monitor --port '$(PORT)' $(ARGS)

erase: $(READY) ## Remove the files of a board (darvaz erase). PORT=auto CONFIRM=yes
	@exec $(BIN)/darvaz erase --port '$(PORT)' $(if $(filter yes,$(CONFIRM)),--confirm) $(ARGS)

##@ Development

# What is compiled is tested once more as Python runs it, where there is no compiler.
HOT_TESTS := tests/contract tests/unit/websocket tests/unit/session tests/unit/journal tests/unit/protocol
test: compiled ## Run every test (python -m darvaz.compiled; python -m pytest -n auto)
	@$(BIN)/python -m pytest -n 4 --dist loadgroup $(ARGS)
	@$(if $(ARGS),,DARVAZ_COMPILED=no $(BIN)/python -m pytest -q -n 4 --dist loadgroup $(HOT_TESTS))
	@$(if $(ARGS),,$(MAKE) --no-print-directory hil)

# A board at a port, if somebody says so; else both virtual ones, the first with its simulated wires.
GIVEN := $(if $(filter command environment,$(origin PORT)),$(PORT))
HIL   := $(BIN)/python -m pytest tests/hil -n 0
hil: $(READY) ## Test a board: virtual ones, or PORT=auto WIRING=FILE (python -m pytest tests/hil --board auto)
ifneq ($(GIVEN),)
	@$(HIL) --board '$(GIVEN)' $(if $(WIRING),--board-wiring '$(WIRING)') $(ARGS)
else
	@$(HIL) --board virtual --board-wiring '$(or $(WIRING),tests/hil/benches/virtual.toml)' $(ARGS)
	@$(HIL) --board virtual:esp32cam $(ARGS)
endif

footprint: $(READY) ## Measure what the firmware takes of a board (python -m tools.footprint)
	@$(BIN)/python -m tools.footprint

pictures: $(READY) ## Take the README's pictures of the dashboard anew
	@DARVAZ_PICTURES=1 $(BIN)/python -m pytest -q -n 0 tests/browser/test_pictures.py

FLOOD_S ?= 600
flood: compiled ## Measure the dashboard under 200 devices and 1,000 log lines/s: ten minutes. FLOOD_S=60
	@DARVAZ_FLOOD_S=$(FLOOD_S) $(BIN)/python -m pytest -q -s -n 0 tests/browser/test_flood.py

bench: compiled ## Measure the gateway beside its baselines: a quarter of an hour (python -m bench --json FILE)
	@$(BIN)/python -m bench --json .cache/bench/results.json $(ARGS)

bench-quick: compiled ## The same in a minute, for looking (python -m bench --quick)
	@$(BIN)/python -m bench --quick $(ARGS)

fuzz: compiled ## Feed the WebSocket protocol a million streams (python -m tools.fuzz). ARGS='--count N --seed N'
	@$(BIN)/python -m tools.fuzz $(ARGS)

soak: compiled ## Let boards come, talk and vanish in every way: ten minutes (python -m tools.soak). ARGS='--minutes 1'
	@$(BIN)/python -m tools.soak $(ARGS)

lint: $(LINTED) ## Check style and types (ruff check; ruff format --check; mypy; python -m tools.check_firmware)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m tools.check_firmware

format: $(LINTED) ## Apply the formatter and the safe fixes (ruff format; ruff check --fix)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

generate: $(READY) ## Write what is derived from shared/protocol.json (python -m tools.generate)
	@$(BIN)/python -m tools.generate

clean: ## Remove the virtual environment and caches; data/ stays
	@rm -rf $(VENV) .cache server/darvaz/__compiled__ build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
