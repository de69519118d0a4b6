"""The form of a release that one board gets: modules compiled for its MicroPython by a process, signed with its key.

A module that cannot be compiled travels as source, and the reason is told. MicroPython imports both.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from darvaz.gateway.module_process import run_module
from darvaz.gateway.releases.manifest import MAIN, ReleaseFile, SignedUpdate, sign
from darvaz.gateway.releases.rollout import Rollout, Target
from darvaz.gateway.releases.store import ReleaseStore

_MODULE = "darvaz.boards.compiled_modules"
DEADLINE_S = 60.0
# Modules whose compiled form is remembered, as few change from one release to the next.
KEPT_MAX = 4096
SOURCE, COMPILED = ".py", ".mpy"
# As in the library, whose viper is compiled by the board.
_ONLY_SOURCE = "_viper.py"


class _Loads(NamedTuple):
    """What a board loads: the version of .mpy files, and the form of machine code in them; 0: it does not say."""

    version: int
    native: int


class NoCompilerError(Exception):
    """No module can be compiled; the text says why."""


class BoardForms:
    """Makes what each board gets. Used from the event loop only; one process compiles at a time."""

    def __init__(self, store: ReleaseStore, deadline_s: float = DEADLINE_S) -> None:
        self._store = store
        self._deadline_s = deadline_s
        self._turn = asyncio.Lock()
        # The compiled form of modules, or why there is none, by what boards load, path and SHA-256 of the source.
        self._kept: dict[tuple[_Loads, str, str], ReleaseFile | str] = {}

    async def make(
        self, rollout: Rollout, target: Target, key: bytes, kind: str, program: dict[str, Any]
    ) -> tuple[SignedUpdate, str]:
        """Returns the update for a board that says this of its program, and why modules are source, or nothing.

        Raises `OSError` where a file of the release is gone, or none can be written.
        """
        release, plan = self._store.releases[rollout.release], rollout.plan
        files, why = release.files, ""
        # The owner has signed the files as they are.
        if not plan.source and not plan.signature:
            files, why = await self._compiled(files, _Loads(program.get("mpy", 0), program.get("mpy_native", 0)))
        update = sign(
            key, files, counter=target.counter, release=str(release.number), device=target.device, kind=kind,
            is_once=plan.once, least_micropython=release.micropython, signature=plan.signature, signed_s=plan.signed_s,
        )  # fmt: skip
        return update, why

    async def _compiled(self, files: Sequence[ReleaseFile], loads: _Loads) -> tuple[list[ReleaseFile], str]:
        modules = [file for file in files if _is_module(file.path)]
        if not modules:
            return list(files), ""
        if not loads.version:
            return list(files), "modules travel as source: the board does not say that it loads .mpy files"
        try:
            async with self._turn:
                await self._compile_new(modules, loads)
        except NoCompilerError as error:
            return list(files), f"modules travel as source: {error}"
        forms = {file.path: self._kept[loads, file.path, file.sha256] for file in modules}
        compiled = {path: form for path, form in forms.items() if isinstance(form, ReleaseFile)}
        # Beside its source, an older compiled form would never be imported.
        replaced = {*compiled, *(form.path for form in compiled.values())}
        rest = [file for file in files if file.path not in replaced]
        reasons = [f"{path} travels as source: {form}" for path, form in forms.items() if isinstance(form, str)]
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        return sorted([*rest, *compiled.values()], key=lambda file: file.path), "".join(reasons[:1]) + more

    async def _compile_new(self, modules: Sequence[ReleaseFile], loads: _Loads) -> None:
        new = [file for file in modules if not self._is_kept((loads, file.path, file.sha256))]
        if not new:
            return
        sources = await asyncio.to_thread(lambda: {file.path: self._store.read_file(file.sha256) for file in new})
        answer = await self._run(loads, sources)
        compiled = {path: base64.b64decode(text) for path, text in answer["compiled"].items()}
        await asyncio.to_thread(self._store.write_files, compiled.values())
        for file in new:
            data = compiled.get(file.path)
            form: ReleaseFile | str = answer["why"].get(file.path, "nothing came")
            if data is not None:
                path = file.path.removesuffix(SOURCE) + COMPILED
                form = ReleaseFile(path, len(data), hashlib.sha256(data).hexdigest())
            self._kept[loads, file.path, file.sha256] = form
        while len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]

    def _is_kept(self, key: tuple[_Loads, str, str]) -> bool:
        """Whether a form is known; it becomes the newest, as those of one release must stay together."""
        form = self._kept.pop(key, None)
        if form is not None:
            self._kept[key] = form
        return form is not None

    async def _run(self, loads: _Loads, sources: dict[str, bytes]) -> Any:
        text = json.dumps({name: base64.b64encode(data).decode() for name, data in sources.items()})
        try:
            end = await run_module(_MODULE, *map(str, loads), data=text.encode(), deadline_s=self._deadline_s)
        except TimeoutError:
            raise NoCompilerError(f"they were not compiled in {self._deadline_s:g} s") from None
        except OSError as error:
            raise NoCompilerError(f"no process can be started here: {error.strerror}") from None
        if end.code:
            raise NoCompilerError(end.reason or "the process that compiles them failed")
        return json.loads(end.output)


def _is_module(path: str) -> bool:
    return path.endswith(SOURCE) and path != MAIN and not path.endswith(_ONLY_SOURCE)
