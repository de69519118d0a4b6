"""Carries a plan out on a board: everything is copied beside what is there, and put in place at once at the end.

Until then the board has its old program, whole; a run that ends in between is completed by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from darvaz.boards.flashing.errors import FlashError, FlashOutcome
from darvaz.boards.flashing.manifest import PATH as MANIFEST
from darvaz.boards.flashing.manifest import dump_manifest, merge, parse_manifest
from darvaz.boards.flashing.plan import STAGED, Found, Plan, is_left_over, to_hash
from darvaz.boards.serial import Prompt

# So many renames fit into a piece of code that a board compiles at once.
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
"""Told the file that is on its way, and how many bytes more have arrived."""


def inspect_board(prompt: Prompt, wanted: Iterable[str]) -> Found:
    """Returns what is on a board, as far as a plan needs it."""
    sizes = {entry.path: entry.size_bytes for entry in prompt.list_files() if not entry.is_folder}
    owned = parse_manifest(prompt.read_file(MANIFEST)) if MANIFEST in sizes else {}
    hashes = prompt.hash_files(to_hash(list(wanted), sizes, owned))
    return Found(sizes, hashes, owned)


def check_space(plan: Plan, found: Found, free_bytes: int) -> None:
    """Raises FlashError with what takes the most room if a plan does not fit beside what is there."""
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
        f"the board has {free_bytes:,} bytes free and {needed_bytes:,} are needed: remove what you can spare, the"
        f" largest are {named} (mpremote rm :FILE). Nothing was changed on it",
    )


def stage(prompt: Prompt, plan: Plan, found: Found, progress: Progress) -> None:
    """Copies what is new beside what is there; the board's program stays as it is."""
    for path in plan.remove:
        if is_left_over(path):
            prompt.remove(path)
    if _changes(plan, found):
        # First, so that after an interruption what is ours is still known to be.
        prompt.write_file(MANIFEST, dump_manifest(merge(found.owned, plan.owned)))
    for path, data in plan.copy.items():
        if path not in plan.staged:
            _stage(prompt, path, data, progress)
    for old, new in plan.set_aside.items():
        prompt.exec(_KEEP.format(old=old, new=new), _DEADLINE_S)


def put_in_place(prompt: Prompt, plan: Plan, found: Found) -> None:
    """Gives what was copied its names, main.py the last, and removes what is ours no longer."""
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
    told_bytes = 0

    def tell(done_bytes: int, _: int) -> None:
        nonlocal told_bytes
        progress(path, done_bytes - told_bytes)
        told_bytes = done_bytes

    prompt.write_file(path + STAGED, data, tell)
