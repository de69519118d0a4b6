"""`mpremote mip install` of the board library: from a clone, and from an address."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mpremote import mip
from mpremote.commands import CommandError

from tools.board_package import LIBRARY, PACKAGE, ROOT, build_package


class Board:
    """A board's filesystem as mpremote reaches it, kept in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def fs_exists(self, path: str) -> bool:
        return (self._root / path.lstrip("/")).exists()

    def fs_mkdir(self, path: str) -> None:
        (self._root / path.lstrip("/")).mkdir()

    def fs_writefile(self, path: str, data: bytes, progress_callback: Callable[..., None] | None = None) -> None:
        (self._root / path.lstrip("/")).write_bytes(data)

    def fs_hashfile(self, path: str, algorithm: str) -> bytes:
        return hashlib.new(algorithm, (self._root / path.lstrip("/")).read_bytes()).digest()

    def library(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in (self._root / "lib" / "darvaz").iterdir()}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    """Serves the repository, as a code host serves its raw files."""
    handler = partial(Quiet, directory=str(ROOT))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def install(board: Board, package: str) -> None:
    mip._install_package(board, package, mip._PACKAGE_INDEX, "/lib", None, True)


def library() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (ROOT / LIBRARY).glob("*.py")}


def test_list_of_files_is_fresh() -> None:
    assert (ROOT / PACKAGE).read_text(encoding="utf-8") == build_package(), "run `python -m tools.board_package`"


def test_every_file_of_the_library_is_in_the_list_and_no_other() -> None:
    urls = json.loads((ROOT / PACKAGE).read_text(encoding="utf-8"))["urls"]

    assert sorted(target for target, _ in urls) == sorted(f"darvaz/{name}" for name in library())


def test_library_is_installed_from_a_clone(tmp_path: Path) -> None:
    board = Board(tmp_path)

    install(board, str(ROOT / PACKAGE))

    assert board.library() == library()


@pytest.mark.parametrize("package", ["firmware", "firmware/", PACKAGE])
def test_library_is_installed_from_an_address(package: str, address: str, tmp_path: Path) -> None:
    board = Board(tmp_path)

    install(board, f"{address}/{package}")

    assert board.library() == library()


def test_library_is_installed_over_an_older_one(tmp_path: Path) -> None:
    board = Board(tmp_path)
    install(board, str(ROOT / PACKAGE))
    (tmp_path / "lib/darvaz/outbox.py").write_text("an older one\n", encoding="utf-8")

    install(board, str(ROOT / PACKAGE))

    assert board.library() == library()


def test_repository_address_leads_to_the_files_beside_the_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    urls: list[str] = []

    def open_url(url: str) -> Any:
        urls.append(url)
        return (ROOT / url.partition("/HEAD/")[2]).open("rb")

    monkeypatch.setattr("urllib.request.urlopen", open_url)
    board = Board(tmp_path)

    install(board, "github:owner/darvaz/firmware")

    assert urls[0].endswith("/owner/darvaz/HEAD/firmware/package.json")
    assert board.library() == library()


def test_file_that_is_missing_at_the_address_is_named(address: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="not found"):
        install(Board(tmp_path), f"{address}/firmware/lib")
