"""The pytest plugin `darvaz`: options, fixtures, and reports; what they need is loaded when a test uses them."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from darvaz.pytest_plugin.async_board import AsyncBoard
    from darvaz.pytest_plugin.bench import Bench
    from darvaz.pytest_plugin.board import Board
    from darvaz.pytest_plugin.gateway import Gateway
    from darvaz.pytest_plugin.wiring import Wiring

PICTURES = "darvaz-snapshots"
_NAME_CHARS_MAX = 150
_board_key: pytest.StashKey[Board] = pytest.StashKey()


# Name, then what argparse wants to know of it. Projects know each option by a longer name, too: `--darvaz-board`.
_OPTIONS: dict[str, dict[str, Any]] = {
    "board": {
        "metavar": "BOARD",
        "help": "virtual, virtual:esp32cam, auto, a serial port, or device:ID [virtual]",
    },
    "gateway": {"metavar": "URL", "help": "the gateway that a real board is online at [DARVAZ_GATEWAY]"},
    "board-program": {"metavar": "FOLDER", "help": "the program, over the one the board comes with"},
    "board-flash": {"action": "store_true", "help": "put firmware and program on a board at a port first"},
    "board-wiring": {"metavar": "FILE", "help": "what is wired on this bench, in TOML"},
    "board-snapshots": {"metavar": "FOLDER", "help": "where pictures of failures go [default: pytest's cache]"},
    "board-wait": {"metavar": "S", "type": float, "default": 0.0, "help": "seconds to wait for a board in use [0]"},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the keys for a project's configuration file."""
    parser.addini("darvaz_board", "as --board", default="virtual")
    parser.addini("darvaz_program", "as --board-program, from the root of the tests")
    parser.addini("darvaz_wiring", "as --board-wiring, from the root of the tests")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> Generator[None]:
    """Adds the options after everybody else's: who has a `--board` of their own keeps it."""
    yield
    group = parser.getgroup("darvaz", "boards (darvaz)")
    for name, about in _OPTIONS.items():
        names = [f"--{name}"] if _is_free(parser, f"--{name}") else []
        group.addoption(*names, f"--darvaz-{name}", dest=_dest(name), **about)


def _is_free(parser: pytest.Parser, option: str) -> bool:
    word = f"{option}=x"
    try:
        return word in parser.parse_known_and_unknown_args([word])[1]
    except pytest.UsageError:
        # Somebody knows it, and wants another value.
        return False


def _dest(name: str) -> str:
    return f"darvaz_{name}".replace("-", "_")


def _option(config: pytest.Config, name: str) -> Any:
    """Returns the value of an option; where the run ends before options are added, as if it were not given."""
    return config.getoption(_dest(name), _OPTIONS[name].get("default"))


def pytest_configure(config: pytest.Config) -> None:
    """Refuses a slip of the pen before the first test runs."""
    if _option(config, "board") is None and _option(config, "board-wiring") is None:
        return
    from darvaz.pytest_plugin.bench import Bench
    from darvaz.pytest_plugin.errors import BenchError

    try:
        Bench(_options(config))
    except BenchError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture(scope="session")
def _darvaz_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    from darvaz.pytest_plugin.bench import Bench

    bench = _said_plainly(lambda: Bench(_options(request.config)))
    yield bench
    bench.close()


@pytest.fixture(scope="session")
def gateway(_darvaz_bench: Bench) -> Gateway:
    """The gateway: one of the tests' own for a virtual board, else the one at --gateway."""
    found: Gateway = _said_plainly(lambda: _darvaz_bench.gateway)
    return found


@pytest.fixture(scope="session")
def wiring(_darvaz_bench: Bench) -> Wiring:
    """What is wired on this bench (--board-wiring); asking for what is not skips the test."""
    return _darvaz_bench.wiring


@pytest.fixture
def board(request: pytest.FixtureRequest, _darvaz_bench: Bench) -> Board:
    """The board of --board, with its program online."""
    board: Board = _said_plainly(lambda: _darvaz_bench.board)
    request.node.stash[_board_key] = board
    _said_plainly(board.begin)
    return board


@pytest.fixture
def async_board(board: Board) -> AsyncBoard:
    """The same board with methods to await."""
    from darvaz.pytest_plugin.async_board import AsyncBoard

    return AsyncBoard(board)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to the report of a failure what the board said and its camera saw."""
    report = yield
    board = item.stash.get(_board_key, None)
    if board is None or not report.failed or report.when == "teardown":
        return report
    from darvaz.pytest_plugin.report import examine

    findings = examine(board, call.excinfo and call.excinfo.value, _picture(item))
    report.sections.extend(findings.sections)
    report.user_properties.extend(findings.properties)
    # The XML takes them from the report of the teardown, which gets them from here.
    item.user_properties.extend(findings.properties)
    return report


def _options(config: pytest.Config) -> Any:
    from darvaz.pytest_plugin.bench import Options

    word = _option(config, "board") or config.getini("darvaz_board")
    is_virtual = word.startswith("virtual")
    # The variable is for people's own gateway, where a virtual board of a test has no business.
    surroundings = None if is_virtual else os.environ.get("DARVAZ_GATEWAY")
    return Options(
        board=word,
        gateway=_option(config, "gateway") or surroundings,
        wiring=_path(config, "board-wiring", "darvaz_wiring"),
        program=_path(config, "board-program", "darvaz_program"),
        wait_s=_option(config, "board-wait"),
        flashes=bool(_option(config, "board-flash")),
    )


def _path(config: pytest.Config, option: str, key: str) -> Path | None:
    given, kept = str(_option(config, option) or ""), str(config.getini(key))
    if given:
        return config.invocation_params.dir / given
    return config.rootpath / kept if kept else None


def _said_plainly(make: Any) -> Any:
    """Returns what was made; what is wrong with the bench is a sentence, without our insides."""
    from darvaz.pytest_plugin.errors import BenchError, BoardError

    __tracebackhide__ = True
    try:
        return make()
    except (BenchError, BoardError) as error:
        # A sentence is what a bench needs; a traceback would lead into our own files.
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def _picture(item: pytest.Item) -> Path:
    name = re.sub(r"[^\w.\[\]-]+", "-", item.nodeid)[-_NAME_CHARS_MAX:].strip("-") + ".jpg"
    config = item.config
    if folder := _option(config, "board-snapshots"):
        return config.invocation_params.dir / str(folder) / name
    # Who switched the cache off has none.
    cache: pytest.Cache | None = getattr(config, "cache", None)
    folder = config.rootpath / PICTURES if cache is None else cache.mkdir(PICTURES)
    return folder / name
