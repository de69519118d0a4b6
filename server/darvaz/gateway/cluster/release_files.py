"""The files of releases at every gateway: each release is an archive in a bucket, under the SHA-256 of its manifest.

An archive is cut into parts, and its first entry, which says how many they are, is written behind them.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence

import msgspec

from darvaz.gateway.cluster.connection import ClusterError, NatsConnection
from darvaz.gateway.releases.manifest import RELEASE_BYTES_MAX, ReleaseFile, dump_manifest
from darvaz.gateway.releases.store import ReleaseStore

log = logging.getLogger("darvaz.cluster")

FILES_BUCKET = "dv_release_files"
# NATS takes messages of up to a megabyte.
PART_BYTES = 256 * 1024
# MessagePack takes some bytes for each file.
PARTS_MAX = 2 * RELEASE_BYTES_MAX // PART_BYTES
_RETRY_S = 5.0
_CONTENTS = msgspec.msgpack.Decoder(list[bytes])


class ReleaseFiles:
    """Puts files there, and gets those that are not here. Used from the event loop only."""

    def __init__(self, store: ReleaseStore) -> None:
        self._store = store
        self._is_wanted = asyncio.Event()

    def want_all(self) -> None:
        """Has the files of all releases fetched that are not here."""
        self._is_wanted.set()

    async def run(self, connection: NatsConnection) -> None:
        """Fetches until it is cancelled."""
        self._is_wanted.set()
        while True:
            await self._is_wanted.wait()
            self._is_wanted.clear()
            try:
                for release in list(self._store.releases.values()):
                    await self.fetch_missing(connection, release.files)
            except (ClusterError, OSError) as error:
                log.warning("= files of a release are not here yet: %s", error)
                await asyncio.sleep(_RETRY_S)
                self._is_wanted.set()

    async def put(self, connection: NatsConnection, files: Sequence[ReleaseFile]) -> None:
        """Puts the files of a release there, which are here; raises OSError or `ClusterError`."""
        data = await asyncio.to_thread(self._pack, files)
        parts = [data[at : at + PART_BYTES] for at in range(0, len(data), PART_BYTES)]
        for number, part in enumerate(parts):
            await connection.put(FILES_BUCKET, f"{_name(files)}.{number}", part)
        await connection.put(FILES_BUCKET, _name(files), b"%d" % len(parts))

    async def fetch_missing(self, connection: NatsConnection, files: Sequence[ReleaseFile]) -> None:
        """Has the files of a release here."""
        if not await asyncio.to_thread(self._store.has_files, files):
            await self.fetch(connection, files)

    async def fetch(self, connection: NatsConnection, files: Sequence[ReleaseFile]) -> None:
        """Gets the files of a release from there; raises OSError where they are not, or `ClusterError`."""
        name = _name(files)
        count = (await connection.get(FILES_BUCKET, name))[0]
        if count is None or not count.isdigit() or int(count) > PARTS_MAX:
            raise OSError("the cluster does not have the files of the release: add it again")
        parts = [(await connection.get(FILES_BUCKET, f"{name}.{number}"))[0] or b"" for number in range(int(count))]
        try:
            contents = _CONTENTS.decode(b"".join(parts))
        except msgspec.DecodeError as error:
            raise OSError(f"the files of the release are damaged: {error}") from None
        await asyncio.to_thread(self._unpack, files, contents)

    async def drop(self, connection: NatsConnection, files: Sequence[ReleaseFile]) -> None:
        """Deletes the files of a release there, unless another one has the same."""
        name = _name(files)
        if any(_name(release.files) == name for release in self._store.releases.values()):
            return
        count = (await connection.get(FILES_BUCKET, name))[0]
        for key in (name, *(f"{name}.{number}" for number in range(int(count or b"0")))):
            await connection.delete(FILES_BUCKET, key)

    def _pack(self, files: Sequence[ReleaseFile]) -> bytes:
        return msgspec.msgpack.encode([self._store.read_file(sha256) for sha256 in _hashes(files)])

    def _unpack(self, files: Sequence[ReleaseFile], contents: Sequence[bytes]) -> None:
        if [hashlib.sha256(content).hexdigest() for content in contents] != _hashes(files):
            raise OSError("the files of the release are others than its manifest says")
        self._store.write_files(contents)


def _hashes(files: Sequence[ReleaseFile]) -> list[str]:
    return sorted({file.sha256 for file in files})


def _name(files: Sequence[ReleaseFile]) -> str:
    return hashlib.sha256(dump_manifest(files)).hexdigest()
