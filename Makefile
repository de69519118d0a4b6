# Darvaz: the targets. `make` alone prints them; docs/ says more about each.
# On Windows, or without make, each target names its plain equivalent.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

# $(call needs,simulate flash): .venv with Darvaz and what these extras of pyproject.toml add; quick if it is there.
needs  = @$(PYTHON) -m tools.bootstrap $(1)

.DEFAULT_GOAL := help
.PHONY: help setup compile compiled serve cluster simulate check test hil footprint deb packages pictures flood fuzz model soak bench bench-quick
.PHONY: test-plain test-boards lint format generate log doctor token enrol signin devices clean
.PHONY: flash firmware rescue repl ls reset monitor erase

help: ## Show this help
	@awk -f tools/help.awk $(MAKEFILE_LIST)

##@ The gateway

serve: ## Run the gateway (darvaz serve). ARGS='--port 8080' adds options
	$(call needs)
	@$(BIN)/python -m darvaz.compiled --in-background
	@exec $(BIN)/darvaz serve $(ARGS)

cluster: compiled ## Try three gateways as one, behind HAProxy (python -m tools.run_cluster). ARGS='--port 3000'
	$(call needs,test)
	@exec $(BIN)/python -m tools.run_cluster $(ARGS)

PICO     ?= 1
ESP32CAM ?= 1
simulate: ## Run virtual boards: PICO=1 ESP32CAM=1 (darvaz simulate --pico 1 --esp32cam 1)
	$(call needs,simulate)
	@exec $(BIN)/darvaz simulate --pico $(PICO) --esp32cam $(ESP32CAM) $(ARGS)

log: ## Show the journal (darvaz log). ARGS='--follow'
	$(call needs)
	@exec $(BIN)/darvaz log $(ARGS)

devices: ## List the devices (darvaz devices)
	$(call needs)
	@exec $(BIN)/darvaz devices $(ARGS)

enrol: ## Open the enrolment window (darvaz enrol)
	$(call needs)
	@exec $(BIN)/darvaz enrol $(ARGS)

token: ## List the tokens (darvaz token list)
	$(call needs)
	@exec $(BIN)/darvaz token list $(ARGS)

signin: ## Print a link that signs a browser in, once (darvaz signin). ARGS='--role viewer'
	$(call needs)
	@exec $(BIN)/darvaz signin $(ARGS)

URL ?= http://127.0.0.1:3000
doctor: ## Find out why a board cannot connect (darvaz doctor URL)
	$(call needs)
	@exec $(BIN)/darvaz doctor $(URL) $(ARGS)

##@ Boards on USB

PORT ?= auto
BOARD ?=
DEVICE ?=
flash: ## Put the firmware on a board and see it online (darvaz flash). BOARD=pico PORT=auto DEVICE=name ARGS=--all
	$(call needs,flash)
	@exec $(BIN)/darvaz flash $(BOARD) $(foreach port,$(PORT),--port '$(port)') $(if $(DEVICE),--device '$(DEVICE)') $(ARGS)

firmware: ## Install MicroPython (darvaz firmware). BOARD=pico BOARD=esp32cam PORT=auto FILE=image
	$(call needs,flash)
	@exec $(BIN)/darvaz firmware $(BOARD) --port '$(PORT)' $(if $(FILE),--file '$(FILE)') $(ARGS)

rescue: ## Get a board back to its prompt; its files stay (darvaz rescue). PORT=auto
	$(call needs)
	@exec $(BIN)/darvaz rescue --port '$(PORT)' $(ARGS)

repl: ## Type at the prompt of a board (darvaz repl). PORT=auto
	$(call needs)
	@exec $(BIN)/darvaz repl --port '$(PORT)' $(ARGS)

ls: ## List the files of a board (darvaz ls). PORT=auto
	$(call needs)
	@exec $(BIN)/darvaz ls --port '$(PORT)' $(ARGS)

reset: ## Restart a board (darvaz reset). PORT=auto
	$(call needs)
	@exec $(BIN)/darvaz reset --port '$(PORT)' $(ARGS)

monitor: ## Show the output of a board (darvaz monitor). PORT=auto ARGS=--reset
	$(call needs)
	@exec $(BIN)/darvaz monitor --port '$(PORT)' $(ARGS)

erase: ## Remove the files of a board (darvaz erase). PORT=auto CONFIRM=yes
	$(call needs)
	@exec $(BIN)/darvaz erase --port '$(PORT)' $(if $(filter yes,$(CONFIRM)),--confirm) $(ARGS)

##@ Development

setup: ## Create .venv with all tools (python3 -m venv .venv; .venv/bin/pip install -e '.[test,lint]')
	$(call needs,test lint)

compile: ## Compile what every message goes through (python -m darvaz.compiled)
	$(call needs)
	@$(BIN)/python -m darvaz.compiled

compiled:
	$(call needs,test)
	@$(BIN)/python -m darvaz.compiled --if-possible $(COMPILE_ARGS)

# Without bytecode every process of a run compiles all modules again: a quarter of its processor time.
check test hil lint: export PYTHONDONTWRITEBYTECODE :=

PYTEST := $(BIN)/python -m pytest -n auto --dist loadgroup
# Quick, and with nothing compiled. `make lint` also checks types and the firmware.
check: ## Check while you work: style, and the quick tests (ruff; pytest -n auto -m 'not slow' tests/unit tests/http tests/contract)
	$(call needs,test lint)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@DARVAZ_COMPILED=no $(PYTEST) -q -m 'not slow' $(or $(ARGS),tests/unit tests/http tests/contract)

# Compiling takes one core. Meanwhile what is compiled is tested as plain Python, which runs where there is no compiler,
# and the virtual boards are tested, which mostly wait.
HOT_TESTS := tests/contract/test_schema.py tests/contract/test_states.py tests/contract/test_transcripts.py \
	tests/unit/websocket tests/unit/session tests/unit/journal tests/unit/protocol
test: ## Run every test (python -m darvaz.compiled; python -m pytest -n auto --dist loadgroup)
	$(call needs,test)
	@$(MAKE) --no-print-directory $(if $(ARGS),compiled,--jobs 3 compiled test-plain test-boards)
	@$(PYTEST) $(ARGS)$(if $(CI), || $(FAILED_AGAIN))

# In CI, after all others, by themselves: with gateways of their own and without neighbours that keep the cores busy.
# Status 1: all were run, and some failed.
FAILED_AGAIN = { [ $$? = 1 ] && echo "The tests that failed are run again:" && \
	$(BIN)/python -m pytest -n 1 --dist loadgroup --last-failed --last-failed-no-failures none; }

test-plain:
	@DARVAZ_COMPILED=no $(PYTEST) -q -m 'not slow' $(HOT_TESTS)

test-boards:
	@DARVAZ_COMPILED=no $(MAKE) --no-print-directory hil

# The board at PORT, if it is given; else both virtual ones, the first with its simulated wires.
GIVEN := $(if $(filter command environment,$(origin PORT)),$(PORT))
HIL   := $(BIN)/python -m pytest tests/hil -n 0
hil: ## Test a board: virtual ones, or PORT=auto WIRING=FILE (python -m pytest tests/hil --board auto)
	$(call needs,test)
ifneq ($(GIVEN),)
	@$(HIL) --board '$(GIVEN)' $(if $(WIRING),--board-wiring '$(WIRING)') $(ARGS)
else
	@$(HIL) --board virtual --board-wiring '$(or $(WIRING),tests/hil/benches/virtual.toml)' $(ARGS)
	@$(HIL) --board virtual:esp32cam $(ARGS)
endif

lint: ## Check style and types (ruff check; ruff format --check; mypy; python -m tools.check_firmware; python -m tools.lint_dashboard)
	$(call needs,test lint)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m tools.check_firmware
	@$(BIN)/python -m tools.lint_dashboard

format: ## Apply the formatter and the safe fixes (ruff format; ruff check --fix)
	$(call needs,lint)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/python -m tools.lint_dashboard --fix

generate: ## Write the files that shared/protocol.json determines (python -m tools.generate)
	$(call needs,test)
	@$(BIN)/python -m tools.generate

footprint: ## Measure the flash and the memory that the firmware needs (python -m tools.footprint)
	$(call needs,test)
	@$(BIN)/python -m tools.footprint
	@$(BIN)/python -m tools.footprint --emulated

deb: ## Build the Debian package into dist/ (python -m tools.build_deb --into dist)
	$(call needs)
	@$(BIN)/python -m tools.build_deb --into dist

packages: ## Build and run container, add-on and Debian package: some minutes (python -m tools.try_packages)
	$(call needs)
	@$(BIN)/python -m tools.try_packages

pictures: ## Take the README's pictures of the dashboard again
	$(call needs,test)
	@DARVAZ_PICTURES=1 $(BIN)/python -m pytest -q -n 0 tests/browser/test_pictures.py

FLOOD_S ?= 600
flood: compiled ## Measure the dashboard under 200 devices and 1,000 log lines/s: ten minutes. FLOOD_S=60
	@DARVAZ_FLOOD_S=$(FLOOD_S) $(BIN)/python -m pytest -q -s -n 0 tests/browser/test_flood.py

bench: compiled ## Measure the gateway beside its baselines: a quarter of an hour (python -m bench --json FILE)
	@$(BIN)/python -m bench --json .cache/bench/results.json $(ARGS)

bench-quick: compiled ## The same in a minute, with less precision (python -m bench --quick)
	@$(BIN)/python -m bench --quick $(ARGS)

fuzz: compiled ## Send a million random streams, and random requests (python -m tools.fuzz). ARGS='--count N --seed N'
	@$(BIN)/python -m tools.fuzz $(ARGS)
	@DARVAZ_EXAMPLES=5 $(BIN)/python -m pytest -q -n 0 tests/process/test_openapi_requests.py

model: compiled ## Play 100,000 sequences of sending, cuts, restarts and clock jumps. ARGS='--sequences 1000000 --seed 1'
	@$(BIN)/python -m tests.support.record_model --sequences 100000 $(ARGS)

soak: compiled ## Connect, use and cut off boards in every way: ten minutes (python -m tools.soak). ARGS='--minutes 1'
	@$(BIN)/python -m tools.soak $(ARGS)

clean: ## Remove the virtual environment and caches; data/ stays
	@rm -rf $(VENV) .cache server/darvaz/__compiled__ build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
