"""Carries out a plan on a board: all files are copied beside the old ones, and renamed at the end.

Until then the old program is complete; the next flash completes one that was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from darvaz.boards.flashing.errors import FlashError, FlashOutcome
from darvaz.boards.flashing.manifest import PATH as MANIFEST
from darvaz.boards.flashing.manifest import dump_manifest, merge, parse_manifest
from darvaz.boards.flashing.plan import STAGED, Found, Plan, is_left_over, to_hash
from darvaz.boards.serial import Prompt

# The number of renames in one piece of code that a board can compile.
_PAIRS_AT_ONCE = 12
_DEADLINE_S = 60.0
# FAT, unlike littlefs, does not rename over a file.
_COMMIT = """
import os
def _commit(pairs):
    for old, new in pairs:
        try:
            os.rename(old, new)
        except OSError as e:
            if e.errno != 17:
                raise
            os.remove(new)
            os.rename(old, new)
_commit({pairs!r})
"""
_KEEP = """
def _keep(old, new):
    b = bytearray(512)
    v = memoryview(b)
    with open(old, 'rb') as f, open(new, 'wb') as g:
        while True:
            n = f.readinto(b)
            if not n:
                break
            g.write(v[:n])
_keep({old!r}, {new!r})
"""

Progress = Callable[[str, int], None]
"""Called with a path, and how many bytes of it have arrived since the last call."""


def inspect_board(prompt: Prompt, wanted: Iterable[str]) -> Found:
    """Returns what a plan needs to know of a board."""
    sizes = {entry.path: entry.size_bytes for entry in prompt.list_files() if not entry.is_folder}
    owned = parse_manifest(prompt.read_file(MANIFEST)) if MANIFEST in sizes else {}
    hashes = prompt.hash_files(to_hash(list(wanted), sizes, owned))
    return Found(sizes, hashes, owned)


def check_space(plan: Plan, found: Found, free_bytes: int) -> None:
    """Raises FlashError, with the largest files, if a plan does not fit beside the old files."""
    kept_bytes = sum(found.sizes.get(path, 0) for path in plan.set_aside)
    left_over_bytes = sum(found.sizes[path] for path in plan.remove)
    needed_bytes = plan.bytes_needed + kept_bytes - left_over_bytes
    if needed_bytes <= free_bytes:
        return
    theirs = [path for path in found.sizes if path not in plan.owned and path not in plan.remove]
    largest = sorted(theirs, key=lambda path: found.sizes[path], reverse=True)[:3]
    named = ", ".join(f"{path} ({found.sizes[path]:,} bytes)" for path in largest) or "nothing of yours"
    raise FlashError(
        FlashOutcome.INCOMPATIBLE,
        f"the board has {free_bytes:,} bytes free and {needed_bytes:,} are needed: remove files that you do not"
        f" need, the largest are {named} (mpremote rm :FILE). Nothing was changed on it",
    )


def stage(prompt: Prompt, plan: Plan, found: Found, progress: Progress) -> None:
    """Copies new files beside the old ones; the board's program stays as it is."""
    for path in plan.remove:
        if is_left_over(path):
            prompt.remove(path)
    if _changes(plan, found):
        # First, so that the next flash knows our files even if this one is interrupted.
        prompt.write_file(MANIFEST, dump_manifest(merge(found.owned, plan.owned)))
    for path, data in plan.copy.items():
        if path not in plan.staged:
            _stage(prompt, path, data, progress)
    for old, new in plan.set_aside.items():
        prompt.exec(_KEEP.format(old=old, new=new), _DEADLINE_S)


def put_in_place(prompt: Prompt, plan: Plan, found: Found) -> None:
    """Renames the copies to their names, main.py last, and removes files that are ours and no longer needed."""
    pairs = [(path + STAGED, path) for path in plan.copy]
    for at in range(0, len(pairs), _PAIRS_AT_ONCE):
        prompt.exec(_COMMIT.format(pairs=pairs[at : at + _PAIRS_AT_ONCE]), _DEADLINE_S)
    for path in plan.remove:
        if not is_left_over(path):
            prompt.remove(path)
    if _changes(plan, found):
        prompt.write_file(MANIFEST, dump_manifest(plan.owned))


def _changes(plan: Plan, found: Found) -> bool:
    return not plan.is_empty or plan.owned != found.owned


def _stage(prompt: Prompt, path: str, data: bytes, progress: Progress) -> None:
    reported_bytes = 0

    def report(done_bytes: int, _: int) -> None:
        nonlocal reported_bytes
        progress(path, done_bytes - reported_bytes)
        reported_bytes = done_bytes

    prompt.write_file(path + STAGED, data, report)
