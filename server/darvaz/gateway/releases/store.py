"""Releases, rollouts and the boards' keys, kept in the data folder; used from the event loop.

The contents of files lie in the folder `releases`, each by its SHA-256, written before the release is listed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import msgspec

from darvaz.gateway.releases.manifest import ReleaseFile
from darvaz.gateway.releases.rollout import Rollout, RolloutPlan, Target

TABLES = ("releases", "rollouts", "rollout_targets", "update_keys")
KEY_BYTES = 32
FOLDER = "releases"
# The newest are kept; a file that no release has is deleted.
RELEASES_MAX = 100
ROLLOUTS_MAX = 50
# Boards of a rollout that are loaded at once: half a millisecond.
_PAGE = 100
_TARGETS = (
    "SELECT key, place, device, state, counter, tries, reason, changed_s FROM rollout_targets"
    " WHERE key > ? AND key < ? ORDER BY key LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class ProgramRelease:
    """One program, as it was when somebody deployed it."""

    number: int
    name: str
    created_s: float
    author: str
    files: list[ReleaseFile]
    micropython: str = ""
    """The least that it needs; empty: what every release needs."""

    @property
    def size_bytes(self) -> int:
        return sum(file.size for file in self.files)


class ReleaseStore:
    """Everything about updates that outlives the process."""

    def __init__(self, connection: sqlite3.Connection, data: Path) -> None:
        self._connection = connection
        self._folder = data / FOLDER
        self.releases: dict[int, ProgramRelease] = {}
        self.rollouts: dict[int, Rollout] = {}
        # Also of one that is not listed yet.
        self._newest_rollout = 0
        # Rollouts of which boards came that are not loaded yet.
        self._unloaded: set[int] = set()
        self._load()

    @property
    def running(self) -> list[Rollout]:
        """The rollouts that go on; none, mostly."""
        return [rollout for rollout in self.rollouts.values() if rollout.state == "running"]

    def _load(self) -> None:
        for (number,) in self._connection.execute("SELECT number FROM releases ORDER BY number").fetchall():
            self._load_release(number)
        for (number,) in self._connection.execute("SELECT number FROM rollouts ORDER BY number").fetchall():
            self._load_rollout(number)
        for _ in self.load_steps():
            pass

    def _load_release(self, number: int) -> None:
        for name, created_s, author, files, least in self._connection.execute(
            "SELECT name, created_s, author, files, micropython FROM releases WHERE number = ?", (number,)
        ):
            parsed = msgspec.json.decode(files, type=list[ReleaseFile])
            self.releases[number] = ProgramRelease(number, name, created_s, author, parsed, least)

    def _load_rollout(self, number: int) -> None:
        for release, plan, created_s, author, state, reason in self._connection.execute(
            "SELECT release, plan, created_s, author, state, reason FROM rollouts WHERE number = ?", (number,)
        ):
            parsed = msgspec.json.decode(plan, type=RolloutPlan)
            known = self.rollouts.get(number)
            if known is None or (known.release, known.created_s) != (release, created_s):
                known = self.rollouts[number] = Rollout(number, release, parsed, created_s, author)
            known.plan, known.state, known.reason = parsed, state, reason
            if not known.targets:
                self._unloaded.add(number)

    def load_steps(self) -> Iterator[Rollout | None]:
        """Loads the boards of rollouts that `reload` found without them, some in a step; yields what is complete."""
        while self._unloaded:
            rollout = self.rollouts.get(self._unloaded.pop())
            if rollout is not None:
                yield from self._load_targets(rollout)

    def _load_targets(self, rollout: Rollout) -> Iterator[Rollout | None]:
        first, end = _keys(rollout.number)
        found: list[tuple[int, str, Target]] = []
        while rows := self._connection.execute(_TARGETS, (first, end, _PAGE)).fetchall():
            for first, position, device, state, counter, tries, reason, changed_s in rows:  # noqa: B007 (the last is used)
                target = rollout.targets.get(device) or Target(device)
                target.state, target.counter, target.tries = state, counter, tries
                target.reason, target.changed_s = reason, changed_s
                found.append((position, device, target))
            yield None
        found.sort(key=itemgetter(0, 1))
        # Another one: who goes through the boards in slices goes on with those that there were.
        rollout.targets = {device: target for _, device, target in found}
        yield rollout

    # Rows that another gateway of a cluster has changed

    def reload(self, table: str, key: str) -> tuple[Rollout, Target | None] | None:
        """Takes a row as it is now; returns the rollout, or also the board of it, whose state is another one.

        Boards that are not known yet come with the next `load_steps`.
        """
        if table == "releases":
            self.releases.pop(int(key), None)
            self._load_release(int(key))
            self.releases = dict(sorted(self.releases.items()))
        elif table == "rollouts":
            return self._reload_rollout(int(key))
        elif table == "rollout_targets":
            return self._reload_target(*key.split("/", 1))
        return None

    def _reload_rollout(self, number: int) -> tuple[Rollout, None] | None:
        before = self.rollouts.get(number)
        state = None if before is None else (before.state, before.reason)
        if self._connection.execute("SELECT 1 FROM rollouts WHERE number = ?", (number,)).fetchone() is None:
            self.rollouts.pop(number, None)
            return None
        self._load_rollout(number)
        self.rollouts = dict(sorted(self.rollouts.items()))
        now = self.rollouts[number]
        return None if state == (now.state, now.reason) else (now, None)

    def _reload_target(self, number: str, device: str) -> tuple[Rollout, Target] | None:
        rollout = self.rollouts.get(int(number))
        if rollout is None:
            # Not listed yet.
            return None
        before = rollout.targets.get(device)
        state = None if before is None else (before.state, before.reason)
        row = self._connection.execute(
            "SELECT state, counter, tries, reason, changed_s FROM rollout_targets WHERE key = ?",
            (_key(rollout, device),),
        ).fetchone()
        if before is None or row is None:
            self._unloaded.add(rollout.number)
            return None
        before.state, before.counter, before.tries, before.reason, before.changed_s = row
        return None if state == (before.state, before.reason) else (rollout, before)

    # Releases

    def write_files(self, contents: Iterable[bytes]) -> None:
        """Writes contents to the disk, for any thread; raises `OSError`."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for data in contents:
            path = self._folder / hashlib.sha256(data).hexdigest()
            if path.exists():
                continue
            part = path.with_suffix(f".{secrets.token_hex(4)}")
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)

    def has_files(self, files: Iterable[ReleaseFile]) -> bool:
        """Returns whether the contents of these are here, for any thread."""
        return all((self._folder / file.sha256).exists() for file in files)

    def read_file(self, sha256: str) -> bytes:
        """Returns a content; raises `OSError` where it is gone."""
        data = (self._folder / sha256).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise OSError(f"the file {sha256} of a release is damaged")
        return data

    def add_release(
        self, name: str, author: str, files: list[ReleaseFile], now_s: float, micropython: str = ""
    ) -> ProgramRelease:
        """Lists a release whose files are written."""
        release = ProgramRelease(max(self.releases, default=0) + 1, name, now_s, author, files, micropython)
        self._connection.execute(
            "INSERT INTO releases (number, name, created_s, author, files, micropython) VALUES (?, ?, ?, ?, ?, ?)",
            (release.number, name, now_s, author, msgspec.json.encode(files).decode(), micropython),
        )
        self.releases[release.number] = release
        self._drop_old_releases()
        return release

    def _drop_old_releases(self) -> None:
        used = {rollout.release for rollout in self.rollouts.values() if rollout.state in ("running", "paused")}
        for number in [number for number in self.releases if number not in used][: len(self.releases) - RELEASES_MAX]:
            del self.releases[number]
            self._connection.execute("DELETE FROM releases WHERE number = ?", (number,))

    def delete_unused_files(self) -> None:
        """Deletes contents that no release has."""
        used = {file.sha256 for release in self.releases.values() for file in release.files}
        for path in self._folder.glob("*") if self._folder.is_dir() else ():
            if path.name not in used:
                with contextlib.suppress(OSError):
                    path.unlink()

    # Rollouts

    def new_rollout(self, release: int, plan: RolloutPlan, author: str, now_s: float) -> Rollout:
        """Returns a rollout that is not listed yet, and has no boards."""
        self._newest_rollout = max(self._newest_rollout, *self.rollouts, 0) + 1
        return Rollout(self._newest_rollout, release, plan, now_s, author)

    def add_targets(self, rollout: Rollout, devices: Iterable[str]) -> None:
        """Puts boards behind those of a rollout that is not listed yet."""
        if not rollout.targets:
            # Of one that was never listed: the gateway was killed.
            self._connection.execute("DELETE FROM rollout_targets WHERE key >= ? AND key < ?", _keys(rollout.number))
        first, targets = len(rollout.targets), [Target(device, changed_s=rollout.created_s) for device in devices]
        rollout.targets.update({target.device: target for target in targets})
        self._connection.executemany(
            "INSERT INTO rollout_targets (key, rollout, device, place, state, counter, tries, reason, changed_s)"
            " VALUES (?, ?, ?, ?, 'waiting', 0, 0, '', ?)",
            [
                (_key(rollout, target.device), rollout.number, target.device, position, target.changed_s)
                for position, target in enumerate(targets, first)
            ],
        )

    def list_rollout(self, rollout: Rollout) -> None:
        """Lists a rollout that has its boards: from now on, it is one."""
        self._connection.execute(
            "INSERT INTO rollouts (number, release, plan, created_s, author, state, reason)"
            " VALUES (?, ?, ?, ?, ?, ?, '')",
            (
                rollout.number, rollout.release, msgspec.json.encode(rollout.plan).decode(), rollout.created_s,
                rollout.author, rollout.state,
            ),
        )  # fmt: skip
        self.rollouts[rollout.number] = rollout
        self._drop_old_rollouts()

    def _drop_old_rollouts(self) -> None:
        over = [number for number, rollout in self.rollouts.items() if rollout.state in ("done", "stopped")]
        for number in over[: max(0, len(self.rollouts) - ROLLOUTS_MAX)]:
            del self.rollouts[number]
            self._connection.execute("DELETE FROM rollout_targets WHERE key >= ? AND key < ?", _keys(number))
            self._connection.execute("DELETE FROM rollouts WHERE number = ?", (number,))

    def keep_rollout(self, rollout: Rollout) -> None:
        """Keeps the state of a rollout."""
        self._connection.execute(
            "UPDATE rollouts SET state = ?, reason = ?, plan = ? WHERE number = ?",
            (rollout.state, rollout.reason, msgspec.json.encode(rollout.plan).decode(), rollout.number),
        )

    def keep_target(self, rollout: Rollout, target: Target) -> None:
        """Keeps the state of one board of a rollout."""
        self._connection.execute(
            "UPDATE rollout_targets SET state = ?, counter = ?, tries = ?, reason = ?, changed_s = ? WHERE key = ?",
            (
                target.state,
                target.counter,
                target.tries,
                target.reason,
                target.changed_s,
                _key(rollout, target.device),
            ),
        )

    # Keys

    def key_of(self, device: str) -> bytes | None:
        """Returns the key of a board, or None if it has none."""
        row = self._connection.execute("SELECT key FROM update_keys WHERE device = ?", (device,)).fetchone()
        return None if row is None else bytes(row[0])

    def make_key(self, device: str) -> bytes:
        """Returns the key of a board, made at the first call."""
        key = self.key_of(device)
        if key is None:
            key = secrets.token_bytes(KEY_BYTES)
            self._connection.execute("INSERT INTO update_keys (device, key, counter) VALUES (?, ?, 0)", (device, key))
        return key

    def counter_of(self, device: str) -> int:
        """Returns the counter of the last update that was signed for a board; 0 if none was."""
        row = self._connection.execute("SELECT counter FROM update_keys WHERE device = ?", (device,)).fetchone()
        return row[0] if row else 0

    def next_counter(self, device: str, least: int, now_s: float) -> int:
        """Returns a counter above all before it, also above those that a lost data folder gave: the time."""
        counter = max(self.counter_of(device), least, int(now_s) - 1) + 1
        self.keep_counter(device, counter)
        return counter

    def keep_counter(self, device: str, counter: int) -> None:
        """Notes a counter that a board has had."""
        self._connection.execute("UPDATE update_keys SET counter = ? WHERE device = ?", (counter, device))

    def forget(self, device: str) -> None:
        """Forgets the key of a device."""
        self._connection.execute("DELETE FROM update_keys WHERE device = ?", (device,))


def changes(before: ProgramRelease | None, after: ProgramRelease) -> Mapping[str, str]:
    """Returns what is different from the release before: added, changed or removed, by path."""
    old = {file.path: file.sha256 for file in before.files} if before else {}
    new = {file.path: file.sha256 for file in after.files}
    return {
        path: "added" if path not in old else "removed" if path not in new else "changed"
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    }


def _key(rollout: Rollout, device: str) -> str:
    return f"{rollout.number}/{device}"


def _keys(number: int) -> tuple[str, str]:
    """Returns the range of the keys of a rollout: from the first to before the second."""
    return f"{number}/", f"{number}{chr(ord('/') + 1)}"
