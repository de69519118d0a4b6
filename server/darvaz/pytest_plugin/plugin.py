"""The pytest plugin `darvaz`: options, fixtures and reports. What they need is imported when a test uses them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from darvaz.pytest_plugin.async_board import AsyncBoard
    from darvaz.pytest_plugin.bench import Bench
    from darvaz.pytest_plugin.board import Board
    from darvaz.pytest_plugin.gateway import BenchGateway
    from darvaz.pytest_plugin.wiring import Wiring

PICTURES = "darvaz-snapshots"
_NAME_CHARS_MAX = 150
_SCOPES = ("function", "class", "module", "package", "session")
# Of a test: its board. Of the run: the test whose fixtures are made, and the board while it is that of several tests.
_board_key: pytest.StashKey[Board] = pytest.StashKey()
_item_key: pytest.StashKey[pytest.Item] = pytest.StashKey()
_shared_key: pytest.StashKey[Board] = pytest.StashKey()


# Names and arguments for argparse. Each option has a longer name, too: `--darvaz-board`.
_OPTIONS: dict[str, dict[str, Any]] = {
    "board": {
        "metavar": "BOARD",
        "help": "virtual, virtual:esp32cam, emulated, auto, a serial port, or device:ID [virtual]",
    },
    "gateway": {"metavar": "URL", "help": "the gateway of a real board [DARVAZ_GATEWAY, else `darvaz login`]"},
    "board-program": {"metavar": "FOLDER", "help": "the program, in place of the one of the firmware"},
    "board-flash": {"action": "store_true", "help": "put firmware and program on a board at a port first"},
    "board-keep": {"metavar": "FOLDER", "help": "where the flash of an emulated board is kept for the next run"},
    "board-wiring": {"metavar": "FILE", "help": "the wiring of this bench, in TOML"},
    "board-snapshots": {"metavar": "FOLDER", "help": "where pictures of failures go [default: pytest's cache]"},
    "board-wait": {"metavar": "S", "type": float, "default": 0.0, "help": "seconds to wait for a board in use [0]"},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the keys for a project's configuration file."""
    parser.addini("darvaz_board", "as --board", default="")
    parser.addini("darvaz_program", "as --board-program, from the root of the tests")
    parser.addini("darvaz_wiring", "as --board-wiring, from the root of the tests")
    parser.addini("darvaz_board_scope", f"scope of the fixture board: {', '.join(_SCOPES)}", default=_SCOPES[0])


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> Generator[None]:
    """Adds the options after those of all others: a project with a `--board` of its own keeps it."""
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
        # The option exists, with other values.
        return False


def _dest(name: str) -> str:
    return f"darvaz_{name}".replace("-", "_")


def _option(config: pytest.Config, name: str) -> Any:
    """Returns the value of an option, or its default where the run ends before options are added."""
    return config.getoption(_dest(name), _OPTIONS[name].get("default"))


def pytest_configure(config: pytest.Config) -> None:
    """Reports wrong options before the first test runs."""
    scope = config.getini("darvaz_board_scope")
    if scope not in _SCOPES:
        raise pytest.UsageError(f"darvaz_board_scope = {scope}: expected {', '.join(_SCOPES)}")
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

    bench = _without_traceback(lambda: Bench(_options(request.config)))
    yield bench
    bench.close()


@pytest.fixture(scope="session")
def gateway(_darvaz_bench: Bench) -> BenchGateway:
    """The gateway: a process of this run for a virtual board, else the one at --gateway."""
    found: BenchGateway = _without_traceback(lambda: _darvaz_bench.gateway)
    return found


@pytest.fixture(scope="session")
def wiring(_darvaz_bench: Bench) -> Wiring:
    """The wiring of this bench (--board-wiring); a test that needs more is skipped."""
    return _darvaz_bench.wiring


def _scope(fixture_name: str, config: pytest.Config) -> Any:
    return config.getini("darvaz_board_scope")


@pytest.fixture(scope=_scope)
def board(request: pytest.FixtureRequest, _darvaz_bench: Bench) -> Iterator[Board]:
    """The board of --board, with its program online."""
    board: Board = _without_traceback(lambda: _darvaz_bench.board)
    stash = request.config.stash
    stash[_item_key].stash[_board_key] = board
    _without_traceback(board.begin)
    if request.scope != _SCOPES[0]:
        stash[_shared_key] = board
    yield board
    if _shared_key in stash:
        del stash[_shared_key]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Prepares a board that the fixtures of an earlier test made for this one."""
    stash = item.config.stash
    stash[_item_key] = item
    board = stash.get(_shared_key, None)
    if board is not None and "board" in getattr(item, "fixturenames", ()):
        item.stash[_board_key] = board
        _without_traceback(lambda: board.begin(keeps_prompt=True))


@pytest.fixture(scope=_scope)
def async_board(board: Board) -> AsyncBoard:
    """The same board with methods to await."""
    from darvaz.pytest_plugin.async_board import AsyncBoard

    return AsyncBoard(board)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fails a test whose parts on a virtual board failed, though nothing else did."""
    result = yield
    board = item.stash.get(_board_key, None)
    if board is not None and (failures := board.take_part_failures()):
        from darvaz.pytest_plugin.report import describe_parts

        # A traceback would show only our own files: what the board did is not called by the test.
        raise pytest.fail.Exception(f"a part of the test failed: {describe_parts(failures)}", pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds the board's log and a frame of its camera to the report of a failure."""
    report = yield
    board = item.stash.get(_board_key, None)
    if board is None or not report.failed or report.when == "teardown":
        return report
    from darvaz.pytest_plugin.report import examine

    board_report = examine(board, call.excinfo and call.excinfo.value, _picture_path(item))
    report.sections.extend(board_report.sections)
    report.user_properties.extend(board_report.properties)
    # The XML has them from the report of the teardown, which copies these.
    item.user_properties.extend(board_report.properties)
    return report


def _options(config: pytest.Config) -> Any:
    from darvaz.pytest_plugin.bench import Options

    program, kind = _path(config, "board-program", "darvaz_program"), None
    if program is None:
        program, kind = _project(config)
    return Options(
        board=_option(config, "board") or config.getini("darvaz_board") or ("virtual" + (f":{kind}" if kind else "")),
        gateway=_option(config, "gateway"),
        wiring=_path(config, "board-wiring", "darvaz_wiring"),
        program=program,
        wait_s=_option(config, "board-wait"),
        flashes=bool(_option(config, "board-flash")),
        keep=Path(_option(config, "board-keep")) if _option(config, "board-keep") else None,
    )


def _project(config: pytest.Config) -> tuple[Path | None, str | None]:
    """Returns the root of the tests and its kind of board, if its darvaz.toml says that a program is there."""
    from darvaz.boards.program import ProgramError, find_program
    from darvaz.pytest_plugin.errors import BenchError

    try:
        found = find_program(config.rootpath)
    except ProgramError as error:
        raise BenchError(str(error)) from None
    return (None, None) if found is None else (found.folder, found.kind)


def _path(config: pytest.Config, option: str, key: str) -> Path | None:
    given, kept = str(_option(config, option) or ""), str(config.getini(key))
    if given:
        return config.invocation_params.dir / given
    return config.rootpath / kept if kept else None


def _without_traceback(make: Any) -> Any:
    """Returns what was made; an error of the bench or the board fails the test with its text alone."""
    from darvaz.pytest_plugin.errors import BenchError, BoardError

    __tracebackhide__ = True
    try:
        return make()
    except (BenchError, BoardError) as error:
        # A traceback would show only our own files.
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def _picture_path(item: pytest.Item) -> Path:
    name = re.sub(r"[^\w.\[\]-]+", "-", item.nodeid)[-_NAME_CHARS_MAX:].strip("-") + ".jpg"
    config = item.config
    if folder := _option(config, "board-snapshots"):
        return config.invocation_params.dir / str(folder) / name
    # The cache can be switched off.
    cache: pytest.Cache | None = getattr(config, "cache", None)
    if cache is not None:
        # A project may be read-only; then the report says that the picture cannot be saved.
        with contextlib.suppress(OSError):
            return cache.mkdir(PICTURES) / name
    return config.rootpath / PICTURES / name
