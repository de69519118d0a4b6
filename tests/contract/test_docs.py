"""The documents say what the program does: every setting, verb and path, the same in both languages."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from starlette.routing import Mount, Route, WebSocketRoute

from darvaz.boards.flashing.wifi import PASSWORD_VARIABLE, SSID_VARIABLE
from darvaz.cli.verbs import TABLE
from darvaz.client.config import TOKEN_VARIABLE, URL_VARIABLE
from darvaz.compiled import SWITCH
from darvaz.gateway.api.routes import OPERATIONS
from darvaz.gateway.app import build_app, build_parts
from darvaz.gateway.config_file import CONFIG_VARIABLE
from darvaz.gateway.setting_sources import OTHER_VARIABLES as VARIABLES_OF_OTHERS
from darvaz.gateway.settings import Settings, hints
from tests.contract.test_imports import LAYERS, OUTSIDE

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
OPERATIONS_PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
API = (ROOT / "docs/api.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
README_FA = (ROOT / "README.fa.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def shown(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


def slug(heading: str) -> str:
    """Returns the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("name", hints())
def test_every_setting_is_in_the_operations_page_with_its_default(name: str) -> None:
    default = shown(getattr(Settings(), name))

    assert any(f"`{name}`" in line and default in line for line in OPERATIONS_PAGE.splitlines()), (name, default)


@pytest.mark.parametrize("name", re.findall(r"^\| `((?!darvaz_)\w+)` \|", OPERATIONS_PAGE, re.MULTILINE))
def test_every_setting_in_the_operations_page_exists(name: str) -> None:
    assert name in hints()


OTHER_VARIABLES = {
    CONFIG_VARIABLE,
    TOKEN_VARIABLE,
    URL_VARIABLE,
    SSID_VARIABLE,
    PASSWORD_VARIABLE,
    "DARVAZ_BOARD_TOKEN",
    SWITCH,
}
OF_TESTS = {"DARVAZ_MODEL_SEQUENCES", "DARVAZ_EXAMPLES", "DARVAZ_PICO_W_UF2"}


def test_a_start_takes_no_variable_of_another_command_for_a_mistake() -> None:
    assert set(VARIABLES_OF_OTHERS) == OTHER_VARIABLES


VARIABLES = sorted(set(re.findall(r"DARVAZ_[A-Z0-9_]+", "".join(page.read_text() for page in PAGES))))


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_in_the_documents_is_read_by_the_program(variable: str) -> None:
    known = {f"DARVAZ_{name.upper()}" for name in hints()}

    assert variable in known | OTHER_VARIABLES | OF_TESTS


@pytest.mark.parametrize("verb", TABLE)
def test_every_verb_is_in_both_readmes(verb: str) -> None:
    assert f"darvaz {verb}" in README
    assert f"darvaz {verb}" in README_FA


def test_every_path_is_on_the_page_of_its_users(tmp_path: Path) -> None:
    parts = build_parts(Settings(data=str(tmp_path)))
    routes = [route for route in build_app(parts).routes if isinstance(route, Route | WebSocketRoute | Mount)]
    paths = {route.path for route in routes if not route.path.startswith("/pages/")}
    parts.devices.close()
    parts.access.close()

    for_programs = {path for path in paths if path.startswith("/api/")}
    assert {path for path in for_programs if f"{path}`" not in API} == set()
    assert {path for path in paths - for_programs if path not in README} == set()
    assert {path for path in paths - for_programs if path not in README_FA} == set()


def test_every_operation_in_the_api_page_exists() -> None:
    named = {match.group(2) for match in re.finditer(r"`((?:GET|POST|PATCH|DELETE)) (/[^`?]*)`", API)}

    assert named - {operation.path for operation in OPERATIONS} == set()


# Registered when a server runs; tests/unit/gateway/test_system_metrics.py reads them.
OF_A_SERVER = {
    "darvaz_http_connections",
    "darvaz_http_connections_cut_off_total",
    "darvaz_certificate_expiry_timestamp_seconds",
}
# Registered where a setting names a broker; tests/process/test_mqtt.py reads them.
OF_A_BROKER = {"darvaz_mqtt_connected", "darvaz_mqtt_waiting", "darvaz_mqtt_dropped_total"}

# Registered where a setting names a cluster; tests/process/test_cluster.py reads them.
OF_A_CLUSTER = {
    "darvaz_cluster_up",
    "darvaz_cluster_nodes",
    "darvaz_cluster_waiting",
    "darvaz_cluster_connections_total",
    "darvaz_cluster_events_dropped_total",
}


def test_every_metric_is_in_the_operations_page(tmp_path: Path) -> None:
    parts = build_parts(Settings(data=str(tmp_path)))
    page = b"".join(parts.metrics.dump("")[0]).decode()
    parts.devices.close()
    parts.access.close()

    names = set(re.findall(r"^# TYPE (\w+)", page, re.MULTILINE))
    elsewhere = OF_A_SERVER | OF_A_BROKER | OF_A_CLUSTER
    assert set(re.findall(r"`((?:darvaz|process)_\w+)`", OPERATIONS_PAGE)) == names | elsewhere


def test_every_make_target_in_the_readmes_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    for text in (README, README_FA):
        assert set(re.findall(r"`make ([a-z]+)", text)) <= targets


def sections(readme: str) -> list[str]:
    """Returns a page cut at its headings, but for Layout: a code block in one language, a table in the other."""
    plain = html.unescape(re.sub(r'<code dir="ltr">(.*?)</code>', r"`\1`", readme))
    parts = re.split(r"^(?=#)", plain, flags=re.MULTILINE)
    return [part for part in parts if "`tests/`" not in part and "\ntests/ " not in part]


@pytest.mark.parametrize(
    ("what", "pattern"),
    [("headings", r"^#+ "), ("code", r"`([^`\n]+)`"), ("blocks", r"^ *(```\w*)"), ("links", r"\]\(((?!README)\S+)\)")],
)
def test_the_persian_readme_has_what_the_english_one_has(what: str, pattern: str) -> None:
    english, persian = (
        [set(re.findall(pattern, part, re.MULTILINE)) for part in sections(text)] for text in (README, README_FA)
    )

    assert english == persian, what


def test_the_tables_of_the_persian_readme_have_the_rows_of_the_english_one() -> None:
    english, persian = ([part.count("\n|") for part in sections(text)] for text in (README, README_FA))

    assert english == persian


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_in_a_page_has_a_target(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file_name, _, anchor = target.partition("#")
        file = (page.parent / file_name) if file_name else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), target


def test_the_design_page_lists_the_packages_of_the_import_test_layer_by_layer() -> None:
    page = (ROOT / "docs/design.md").read_text(encoding="utf-8").partition("## Packages and layers")[2]
    tables = [re.findall(r"^\| (?:`([\w.]+)`)? ?\|", part, re.MULTILINE) for part in page.split("|---|---|")[1:3]]
    layers: list[set[str]] = [set()]
    for name in tables[0]:
        if name:
            layers[-1].add(name)
        else:
            layers.append(set())

    assert [layer for layer in layers if layer] == list(LAYERS)
    assert {name for name in tables[1] if name} == set(OUTSIDE)
