"""Imports point one way: each package knows the layers below it, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SERVER = Path(__file__).resolve().parents[2] / "server"
# From the bottom up; packages of one layer do not know each other. docs/design.md says what each is for.
LAYERS = (
    {"text", "protocol", "gateway.long_work"},
    {
        "gateway.storage",
        "gateway.frames",
        "gateway.session",
        "gateway.events",
        "gateway.websocket",
        "gateway.addresses",
        "gateway.setting_rules",
        "gateway.module_process",
        "gateway.whole_seconds",
    },
    {
        "gateway.settings",
        "gateway.config_file",
        "gateway.log_output",
        "gateway.service_manager",
        "gateway.open_files",
        "gateway.local_programs",
        "gateway.local_token_file",
        "gateway.address_counts",
        "gateway.cluster_state",
        "gateway.steady_clock",
        "gateway.device_metrics",
        "gateway.telemetry_metrics",
        "gateway.access",
        "gateway.alerts",
        "gateway.schedules",
        "gateway.automation_process",
        "gateway.firmware_bundles",
        "gateway.micropython_images",
        "gateway.journal",
        "gateway.devices",
    },
    {
        "gateway.cameras",
        "gateway.crashes",
        "gateway.prompts",
        "gateway.telemetry",
        "gateway.releases",
        "gateway.setting_sources",
        "gateway.announcement",
        "gateway.metrics",
        "gateway.system_metrics",
        "gateway.clock_watch",
        "gateway.refusals",
        "gateway.layouts",
        "gateway.rules",
        "gateway.shares",
        "gateway.sign_in_hint",
    },
    {"gateway.scopes", "gateway.stores"},
    {"gateway.parts", "gateway.alert_sources", "gateway.assistants", "gateway.rule_sources"},
    {
        "gateway.automation_start",
        "gateway.damaged_files",
        "gateway.last_writes",
        "gateway.forgotten_devices",
        "gateway.missed_events",
        "gateway.http",
        "gateway.greeting",
    },
    {"gateway.viewing", "gateway.links", "gateway.dashboard", "gateway.esphome", "gateway.mqtt", "gateway.cluster"},
    {"gateway.api", "gateway.integrations"},
    {"gateway.app"},
    {"gateway.server"},
)
# What is not the gateway: each may import these, and the version.
OUTSIDE = {
    "client": {"text"},
    "doctor": {"protocol", "text"},
    "boards.firmware_source": set(),
    "boards.program": set(),
    "boards.serial": {"text"},
    "boards.renamed_source": set(),
    "boards.folded_constants": {"boards.renamed_source"},
    "boards.joined_lines": set(),
    "boards.short_arguments": {"boards.renamed_source"},
    "boards.short_attributes": {"boards.renamed_source"},
    "boards.compiled_library": {
        "boards.folded_constants",
        "boards.joined_lines",
        "boards.renamed_source",
        "boards.short_arguments",
        "boards.short_attributes",
        "text",
    },
    "boards.compiled_modules": {"boards.compiled_library"},
    "boards.parts": set(),
    "boards.virtual": {"boards.parts", "boards.compiled_library", "boards.firmware_source", "text"},
    "boards.emulated": set(),
    "boards.flashing": {
        "boards.compiled_library",
        "boards.firmware_source",
        "boards.program",
        "boards.serial",
        "client",
        "protocol",
        "text",
    },
    "pytest_plugin": {
        "boards.emulated",
        "boards.parts",
        "boards.program",
        "boards.serial",
        "boards.virtual",
        "client",
        "text",
    },
    "testing": {"boards.parts", "pytest_plugin"},
    "tunnel": {"text"},
    "automations": {"client", "gateway.alerts", "gateway.automation_process", "gateway.schedules", "text"},
    "compiled": set(),
    "cli": {
        "client",
        "doctor",
        "boards.compiled_library",
        "boards.emulated",
        "boards.program",
        "boards.serial",
        "boards.virtual",
        "boards.flashing",
        "protocol",
        "text",
        "tunnel",
    },
    "__main__": {"cli"},
}
# To be cut, one by one.
EXCEPTIONS: set[tuple[str, str]] = set()
CIRCLES: dict[str, set[str]] = {}
# The command line runs the gateway, and opens the data folder where none runs.
OUTSIDE["cli"] |= set().union(*LAYERS)
IMPORT = re.compile(r"^[ \t]*((?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+(?:\([^)]*\)|[^\n(]+))", re.MULTILINE)
# Lines of a text, such as the beginning of a program, may look like imports.
LONG_TEXT = re.compile(r'"""[\s\S]*?"""')
MODULES = {
    ".".join(file.relative_to(SERVER).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted(SERVER.rglob("*.py"))
    if not {"stubs", "__compiled__"} & set(file.parts)
}


# One process parses the files once.
pytestmark = pytest.mark.xdist_group("imports")


def package_of(module: str) -> str:
    """Returns the package that a module belongs to, without `darvaz.`: `gateway.journal`, `client`; "" at the top."""
    names = module.split(".")[1:]
    return ".".join(names[:2] if names[:1] in (["gateway"], ["boards"]) else names[:1])


def imports_of(file: Path) -> Iterator[str]:
    """Yields the modules that a module imports, with those of functions and for types only."""
    # Of the imports alone: to parse the rest takes eight times as long.
    statements = IMPORT.findall(LONG_TEXT.sub("''", file.read_text(encoding="utf-8")))
    for node in ast.parse("\n".join(statements)).body:
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@cache
def ours(module: str) -> frozenset[str]:
    """Returns what a module imports of ours."""
    return frozenset(imports_of(MODULES[module])) & MODULES.keys() - {module}


def layers_below(package: str) -> set[str]:
    """Returns the packages of the gateway that one of them may import."""
    at = next(number for number, layer in enumerate(LAYERS) if package in layer)
    return set().union(*LAYERS[:at]) if at else set()


def wrong_imports(module: str) -> set[str]:
    """Returns the packages that a module imports and may not."""
    package = package_of(module)
    below = OUTSIDE[package] if package in OUTSIDE else layers_below(package)
    # Protocol stands on text.
    allowed = below | {package, ""} | ({"text"} if package == "protocol" else set())
    return {package_of(name) for name in ours(module)} - allowed - {low for high, low in EXCEPTIONS if high == package}


def test_every_module_imports_only_what_its_package_may() -> None:
    modules = [name for name in MODULES if package_of(name) not in ("", "gateway", "boards")]

    assert {module: wrong for module in modules if (wrong := wrong_imports(module))} == {}


def test_every_exception_is_still_needed() -> None:
    edges = {(package_of(module), package_of(name)) for module in MODULES for name in ours(module)}

    assert EXCEPTIONS - edges == set()


def test_no_module_imports_itself_by_way_of_another() -> None:
    graph = {module: ours(module) - {module.rpartition(".")[0]} - CIRCLES.get(module, set()) for module in MODULES}

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")
