"""Scripts put into few files: the same program, whose lines keep the names of their files."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from darvaz.gateway.dashboard.bundles import BundleError, bundled
from darvaz.gateway.dashboard.minify import as_sent
from tests.support.needs import missing

FOLDER = Path(__file__).parents[3] / "server" / "darvaz" / "gateway" / "dashboard"
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
LIST = 'import{add as sum}from"../lib/sum.js";\nexport const total=sum(1,2);'
SCRIPTS = {
    "app.js": 'import"./pages/device-list.js";\nimport{add,total}from"./lib/all.js";\n'
    'import("./pages/later.js").then(({later,twice})=>console.log(add(total,1),later,twice));\n'
    'import("./pages/device-list.js").then(({total})=>console.log(total));',
    "pages/device-list.js": LIST,
    "pages/later.js": 'import{add}from"../lib/sum.js";\nimport{own}from"../lib/own.js";\n'
    'import{both}from"../lib/both.js";\nexport const later=add(own,both);\nexport const twice=2;',
    "pages/other.js": 'import{both}from"../lib/both.js";\nconsole.log(both);',
    "lib/all.js": 'export*from"./sum.js";\nexport*from"../pages/device-list.js";\n'
    'export const other=()=>import("../pages/other.js");',
    "lib/sum.js": "export function add(a,b){return a+b;}",
    "lib/own.js": "export const own=10;",
    "lib/both.js": "export const both=100;",
}


def test_the_files_together_are_the_same_program(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        missing("node")
    outputs = []
    for name, files in (("plain", SCRIPTS), ("bundled", bundled(SCRIPTS))):
        folder = tmp_path / name
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        (folder / "package.json").write_text('{"type":"module"}')
        outputs.append(subprocess.run([node, "app.js"], cwd=folder, capture_output=True, text=True, timeout=60))

    # What is in the same file is there sooner.
    assert [sorted(output.stdout.splitlines()) for output in outputs] == [["3", "4 110 2"]] * 2
    assert [output.stderr for output in outputs] == ["", ""]


def test_a_module_of_one_page_is_in_its_file_and_one_of_several_has_its_own() -> None:
    files = {path for path in bundled(SCRIPTS) if path.endswith(".js")}

    assert files == {"app.js", "pages/later.js", "pages/other.js", "lib/both.js"}


def test_modules_that_need_each_other_are_refused() -> None:
    with pytest.raises(BundleError, match=r"lib/sum\.js needs lib/own\.js needs lib/sum\.js"):
        bundled(SCRIPTS | {"lib/sum.js": 'import"./own.js";', "lib/own.js": 'import"./sum.js";'})


@pytest.mark.parametrize(
    "statement", ['import all from"./own.js";', "export default 1;", "export let count=1;", "export{add};"]
)
def test_what_would_be_another_program_is_refused(statement: str) -> None:
    with pytest.raises(BundleError, match=r"lib/sum\.js"):
        bundled(SCRIPTS | {"lib/sum.js": statement})


def test_each_line_of_the_dashboard_has_its_place_in_its_own_file() -> None:
    scripts = {file.relative_to(FOLDER).as_posix(): as_sent(file).decode() for file in FOLDER.rglob("*.js")}
    files = bundled(scripts)
    lines, places = files["app.js"].splitlines(), json.loads(files["app.js.map"])
    source = line = 0
    same = moved = 0
    for sent, segment in zip(lines, places["mappings"].split(";"), strict=False):
        if not segment:
            continue
        _, source_step, line_step, _ = _numbers(segment)
        source, line = source + source_step, line + line_step
        path = places["sources"][source].removeprefix("../../")
        original = scripts[path].splitlines()[line]
        same += sent == original
        moved += sent != original
        assert sent == original or original.startswith(("import", "export")) or "import(" in original

    assert same > 3 * moved > 0


def _numbers(segment: str) -> list[int]:
    """Decodes the base 64 numbers of a source map."""
    numbers, number, shift = list[int](), 0, 0
    for digit in map(_DIGITS.index, segment):
        number |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            numbers.append(-(number >> 1) if number & 1 else number >> 1)
            number = shift = 0
    return numbers
