"""Whether the program at the other end of a loopback connection is a person's here, or may pass on what others send.

An address proves nothing: reverse proxies, port forwards and tunnels connect from 127.0.0.1, too. Linux tells which
process has the other end. It counts as a local program if it runs as the gateway's own user and has no way to others:
no port that other machines reach, no connection with one of them, no tunnel. Whatever cannot be seen is not proven.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Callers whose process is being looked for; the next one is not proven.
WAITING_MAX = 64
DEADLINE_S = 5.0
# A program with more of them is not looked at.
SOCKETS_MAX = 256

_PROC = Path("/proc")
_LISTEN = "0A"
# Kinds of sockets that reach no other machine; the others are looked at one by one, or count as a way to others.
_HARMLESS = ("UNIX", "NETLINK")
_TABLES = {"TCP": "tcp", "TCPv6": "tcp6", "UDP": "udp", "UDPv6": "udp6"}
# Devices of tunnels and virtual machines.
_TUNNELS = ("/dev/net/", "/dev/kvm", "/dev/vhost", "/dev/vsock")
_SOCKET = "socket:["
# Fields of a row of the kernel's tables.
_USER, _INODE = 7, 9
_MAPPED = bytes(10) + b"\xff\xff"

Address = tuple[str, int]


class LocalPrograms:
    """Looks for the process of a connection, in a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "local-programs")
        self._waiting = 0

    async def is_local(self, peer: Address, here: Address) -> bool:
        """Whether the connection from `peer` to `here` belongs to a local program; False where nobody can tell."""
        if self._waiting >= WAITING_MAX:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await asyncio.get_running_loop().run_in_executor(self._thread, is_local_program, peer, here)
        except (TimeoutError, OSError):
            return False
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def is_local_program(peer: Address, here: Address) -> bool:
    """Whether the process that connects from `peer` to `here` is one of this user, without a way to others."""
    if not sys.platform.startswith("linux"):
        return False
    inode = _socket_of(peer, here)
    process = _holder(inode) if inode is not None else None
    return process is not None and _is_alone(process)


def _socket_of(peer: Address, here: Address) -> str | None:
    """Returns the inode of the socket at the peer's end, if it belongs to the gateway's own user."""
    pairs = [f": {local} {remote} " for local in _written(peer) for remote in _written(here)]
    for name in ("tcp", "tcp6"):
        table = _read(_PROC / "net" / name)
        for pair in pairs:
            start = table.find(pair)
            if start >= 0:
                row = table[start + 2 : table.find("\n", start)].split()
                return row[_INODE - 1] if row[_USER - 1] == str(os.geteuid()) else None
    return None


def _written(address: Address) -> list[str]:
    """Returns an address as the kernel's tables write it; IPv4 may also be written as IPv6."""
    parsed = ipaddress.ip_address(address[0].partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    forms = [parsed.packed]
    if isinstance(parsed, ipaddress.IPv4Address):
        forms.append(_MAPPED + parsed.packed)
    return [f"{_swapped(packed).hex().upper()}:{address[1]:04X}" for packed in forms]


def _is_loopback(written: str) -> bool:
    """Whether an address of the kernel's tables, without its port, is loopback."""
    packed = _swapped(bytes.fromhex(written)).removeprefix(_MAPPED)
    return ipaddress.ip_address(packed).is_loopback


def _swapped(packed: bytes) -> bytes:
    """Returns the bytes of an address as words of 32 bits in this machine's byte order, and back."""
    if sys.byteorder == "big":
        return packed
    return b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4))


def _holder(inode: str) -> Path | None:
    """Returns the process of this user that has a socket; the newest are looked at first."""
    own, target = os.geteuid(), f"{_SOCKET}{inode}]"
    numbers = sorted((int(name) for name in os.listdir(_PROC) if name.isdigit()), reverse=True)
    for number in numbers:
        folder = f"{_PROC}/{number}/fd"
        with contextlib.suppress(OSError):
            if number == os.getpid() or os.stat(folder).st_uid != own:
                continue
            if any(_is(f"{folder}/{name}", target) for name in os.listdir(folder)):
                return _PROC / str(number)
    return None


def _is(descriptor: str, target: str) -> bool:
    """Whether a descriptor is something; a text, because paths are slow and there are thousands of descriptors."""
    try:
        return os.readlink(descriptor) == target
    except FileNotFoundError:
        return False


def _sockets(process: Path) -> Iterator[tuple[str, Path]]:
    """Yields inode and descriptor of each socket of a process."""
    for target, descriptor in _targets(process):
        if target.startswith(_SOCKET):
            yield target[len(_SOCKET) : -1], descriptor


def _targets(process: Path) -> Iterator[tuple[str, Path]]:
    """Yields what each descriptor of a process is, and its path; those that are closed meanwhile are left out."""
    for descriptor in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(descriptor), descriptor


def _is_alone(process: Path) -> bool:
    """Whether a process has no way to other machines; one that cannot be looked at may have."""
    try:
        if os.readlink(process / "ns" / "net") != os.readlink(_PROC / "self" / "ns" / "net"):
            return False
        if any(target.startswith(_TUNNELS) for target, _ in _targets(process)):
            return False
        sockets = list(_sockets(process))
        if len(sockets) > SOCKETS_MAX:
            return False
        tables = {kind: _read(process / "net" / name) for kind, name in _TABLES.items()}
        return not any(_reaches(inode, descriptor, tables) for inode, descriptor in sockets)
    except OSError:
        return False


def _reaches(inode: str, descriptor: Path, tables: dict[str, str]) -> bool:
    """Whether a socket listens for other machines, or is connected with one."""
    try:
        kind = os.getxattr(descriptor, "system.sockprotoname").rstrip(b"\0").decode("ascii", "replace")
    except OSError as error:
        # Closed meanwhile; its number may already be that of a file.
        if error.errno not in (errno.ENOENT, errno.ENOTSUP):
            raise
        return False
    if kind.startswith(_HARMLESS):
        return False
    row = _row(tables[kind], inode) if kind in tables else None
    if row is None:
        # In no table: a socket that is not connected, or one of a kind that is not known here.
        return kind not in tables
    local, remote = row[1].rpartition(":")[0], row[2].rpartition(":")[0]
    if kind.startswith("UDP"):
        return not _is_loopback(local)
    if row[3] == _LISTEN:
        return not _is_loopback(local)
    # A connection with an address of this machine itself has it at both ends.
    return local != remote and not _is_loopback(remote)


def _row(table: str, inode: str) -> list[str] | None:
    """Returns the fields of the row of a socket, or None."""
    at = table.find(f" {inode} ")
    while at >= 0:
        row = table[table.rfind("\n", 0, at) + 1 : table.find("\n", at)].split()
        if len(row) > _INODE and row[_INODE] == inode:
            return row
        at = table.find(f" {inode} ", at + 1)
    return None


def _read(table: Path) -> str:
    try:
        return table.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return ""
