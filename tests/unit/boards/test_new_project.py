"""What `darvaz new` writes: complete, without replacing a file, and with types that are those of the firmware."""

from __future__ import annotations

import ast
import json
import tomllib
from pathlib import Path

import pytest

import darvaz
from darvaz.boards.firmware_source import firmware_folder
from darvaz.boards.program import ProgramError, find_program
from darvaz.boards.program.folder import KINDS
from darvaz.boards.program.new import write_project

PACKAGE = Path(darvaz.__file__).parent
TEMPLATE = PACKAGE / "boards/program/template"


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_project_is_complete(kind: str, tmp_path: Path) -> None:
    files = write_project(tmp_path / "lamp", kind)

    program = find_program(tmp_path / "lamp")
    assert program is not None and (program.name, program.kind) == ("lamp", kind)
    assert list(program.files()) == ["/main.py"]
    assert {"darvaz.toml", "tests/test_main.py", ".gitignore", ".vscode/settings.json"} <= set(files)
    assert ".github/workflows/test.yml" in files
    texts = {name: (tmp_path / "lamp" / name).read_text(encoding="utf-8") for name in files}
    assert [name for name, text in texts.items() if "{{" in text.replace("${{", "")] == []
    for name, text in texts.items():
        if name.endswith((".py", ".pyi")):
            ast.parse(text, name)
        elif name.endswith(".toml"):
            tomllib.loads(text)
        elif name.endswith(".json"):
            json.loads(text)


def test_a_folder_that_git_has_cloned_gets_the_files(tmp_path: Path) -> None:
    (tmp_path / "lamp/.git").mkdir(parents=True)

    assert "main.py" in write_project(tmp_path / "lamp", "pico")


def test_no_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("mine")

    with pytest.raises(ProgramError, match=r"has main.py already, and nothing was changed"):
        write_project(tmp_path, "pico")

    assert [path.name for path in tmp_path.iterdir()] == ["main.py"]
    assert (tmp_path / "main.py").read_text() == "mine"


def declared(tree: ast.AST) -> dict[str, list[str]]:
    """Returns the public functions and methods of a module by name, with their arguments."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for part in getattr(node, "body", ()) if isinstance(node, ast.ClassDef | ast.Module) else ():
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and not part.name.startswith("_"):
                is_async = "async " * isinstance(part, ast.AsyncFunctionDef)
                names = [argument.arg for argument in [*part.args.posonlyargs, *part.args.args, *part.args.kwonlyargs]]
                found[f"{owner}{part.name}"] = [is_async, *names]
    return found


PAIRS = [
    (PACKAGE / "on_board.pyi", "lib/darvaz/device.py"),
    (PACKAGE / "on_board.pyi", "lib/darvaz/outbox.py"),
    *(
        (stub, f"{stub.parents[1].name}/{stub.name.removesuffix('.pyi.template')}.py")
        for stub in sorted(TEMPLATE.glob("*/typings/*.pyi.template"))
    ),
]


@pytest.mark.parametrize(("stub", "source"), PAIRS, ids=[f"{stub.name} and {source}" for stub, source in PAIRS])
def test_the_types_for_editors_are_those_of_the_firmware(stub: Path, source: str) -> None:
    real = declared(ast.parse((firmware_folder() / source).read_text(encoding="utf-8")))
    typed = declared(ast.parse(stub.read_text(encoding="utf-8")))

    classes = {name.partition(".")[0] for name in real}
    assert typed.keys() & set(real) != set()
    for name, arguments in typed.items():
        if name.partition(".")[0] in classes or "." not in name:
            assert real.get(name) == arguments, name
