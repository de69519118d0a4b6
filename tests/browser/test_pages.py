"""The dashboard's files: small, cached by their content, and nothing from another host."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import Page, expect

from darvaz.gateway.dashboard.minify import as_sent
from tests.support.gateway import GatewayProcess

WEIGHT_BYTES_MAX = 300 * 1024
# What is loaded only by somebody who flashes a board from the browser; the other files of that count with the pages.
SELDOM = {"board-code.js", "board-prompt.js", "browser-flash.js", "flash-plan.js", "serial-line.js", "board-error.js"}
SELDOM |= {"esp-loader.js", "rom-protocol.js", "checksums.js"}
SELDOM_BYTES_MAX = 24 * 1024
# The sentences of two languages, of which a page loads what it needs.
SENTENCES_BYTES_MAX = 72 * 1024
FOLDER = Path(__file__).parents[2] / "server" / "darvaz" / "gateway" / "dashboard"
FILES = [file for file in FOLDER.rglob("*") if file.suffix in (".html", ".js", ".css", ".svg")]


def test_all_code_weighs_less_than_300_kb() -> None:
    sizes = {file: len(as_sent(file)) for file in FILES}
    sentences = {file: size for file, size in sizes.items() if file.name.startswith("words-")}
    seldom = {file: size for file, size in sizes.items() if file.name in SELDOM}
    assert sum(sizes.values()) - sum(sentences.values()) - sum(seldom.values()) <= WEIGHT_BYTES_MAX
    assert sum(seldom.values()) <= SELDOM_BYTES_MAX
    assert sum(sentences.values()) <= SENTENCES_BYTES_MAX


def test_no_script_has_a_text_of_several_lines_that_sending_would_change() -> None:
    lines = [line for file in FILES if file.suffix == ".js" for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if line.count("`") % 2] == []


def test_blanks_beside_signs_are_not_sent_but_those_of_texts_are(tmp_path: Path) -> None:
    script = tmp_path / "script.js"
    script.write_text(
        'const a = { b: "c = { d }", e };\n'
        "const f = (g) => g ? [1, 2] : g + +1;\n"
        "const h = / = /.test(i) && j;\n"
        "const s = (k[0] / l) * m;\n"
        "const k = `l = ${m}` + 'n = o';\n"
        "const u = [`v = ${w}`, x];\n"
        "const y = [`${z ? `a = b` : c}`, d];\n"
        'const p = "q \\" = r"; return "s" + t;\n'
    )
    assert as_sent(script).decode().splitlines() == [
        'const a={b:"c = { d }",e}',
        "const f=(g)=>g?[1,2]:g + +1",
        "const h = / = /.test(i) && j",
        "const s=(k[0]/ l)*m",
        "const k = `l = ${m}` + 'n = o'",
        "const u=[`v = ${w}`,x]",
        "const y = [`${z ? `a = b` : c}`, d]",
        'const p="q \\" = r";return"s"+t;',
    ]


def test_signs_behind_the_last_of_several_lines_are_not_sent(tmp_path: Path) -> None:
    script = tmp_path / "script.js"
    script.write_text('const a = [\n  "b,",\n  c,\n];\nd(\n  "e,]",\n);\nif (f) {\n  g();\n  h(";}");\n}\n')
    assert as_sent(script).decode().splitlines() == ['const a=["b,",c];', 'd("e,]")', "if(f){g();", 'h(";}")}']


def test_blanks_of_styles_are_not_sent_but_those_with_a_meaning_are(tmp_path: Path) -> None:
    style = tmp_path / "style.css"
    style.write_text(
        'a :hover, b > c {\n  margin: 0 -0.5px 10.5px;\n  font: 1em "d, e: f", g;\n}\n@media (min-width: 1em) {\n}\n'
    )
    assert (
        as_sent(style).decode() == 'a :hover,b > c{margin:0 -.5px 10.5px;font:1em "d, e: f",g}@media (min-width:1em){}'
    )


def test_no_file_names_another_host() -> None:
    for file in FILES:
        hosts = set(re.findall(r"https?://[^/\s\"'`$]+", file.read_text(encoding="utf-8")))
        assert hosts <= {"http://www.w3.org"}, file.name


def test_a_file_that_a_browser_has_is_not_sent_again(gateway: GatewayProcess) -> None:
    first = gateway.get("/pages/app.js")
    again = gateway.get("/pages/app.js", headers={"If-None-Match": first.headers["etag"]})
    other = gateway.get("/pages/app.js", headers={"If-None-Match": '"something else"'})

    assert (first.status_code, again.status_code, other.status_code) == (200, 304, 200)
    assert (first.headers["cache-control"], again.content) == ("no-cache", b"")


def test_files_are_compressed_for_those_that_take_it(gateway: GatewayProcess) -> None:
    packed = gateway.get("/pages/app.js", headers={"Accept-Encoding": "gzip"})
    plain = gateway.get("/pages/app.js", headers={"Accept-Encoding": "identity"})

    assert (packed.headers["content-encoding"], packed.content) == ("gzip", plain.content)
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert "content-encoding" not in plain.headers


async def test_the_page_of_the_api_leads_back_to_the_dashboard(gateway: GatewayProcess, page: Page) -> None:
    await page.goto(gateway.url)
    await page.get_by_role("link", name="API").click()
    await expect(page.get_by_role("heading", name="Darvaz API")).to_be_visible()

    await page.get_by_role("link", name="dashboard").click()

    await expect(page.get_by_role("heading", name="Devices")).to_be_visible()
