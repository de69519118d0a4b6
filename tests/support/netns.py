"""Real external addresses: a network namespace, connected to this machine by a pair of virtual interfaces."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.needs import missing

_COMMAND_DEADLINE_S = 15.0
_CONNECT_DEADLINE_S = 10.0
_CLONE_NEWNET = 0x40000000
_PREFIX = "dvz-"
_NETWORKS_MAX = 64 * 256
_TRIES_MAX = 8
_SERIAL = itertools.count()


@dataclass(frozen=True)
class Outside:
    """A namespace that is another machine for the network; `inside` is the address of this machine in it."""

    name: str
    inside: str
    address: str

    @property
    def prefix(self) -> list[str]:
        """The start of a command that is to run in the namespace."""
        return ["ip", "netns", "exec", self.name]

    def dial(self, port: int) -> socket.socket:
        """Opens a TCP connection from the outside address to a port of this machine."""
        with _entered(self.name):
            # A socket stays in the namespace in which it was made.
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.settimeout(_CONNECT_DEADLINE_S)
        try:
            made.connect((self.inside, port))
        except BaseException:
            made.close()
            raise
        made.setblocking(False)
        return made

    def dial_ipv6(self, source: str, target: str, port: int) -> socket.socket:
        """Opens a TCP connection from one of the namespace's IPv6 addresses to one of this machine."""
        with _entered(self.name):
            made = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            # Link-local addresses are of a link, which has a number in each namespace.
            link = socket.if_nametoindex(_interfaces(self.name)[1]) if source.startswith("fe80:") else 0
        made.settimeout(_CONNECT_DEADLINE_S)
        try:
            made.bind((source, 0, 0, link))
            made.connect((target, port, 0, link))
        except BaseException:
            made.close()
            raise
        return made

    def add_ipv6(self) -> dict[str, tuple[str, str, str]]:
        """Gives both sides IPv6 addresses; returns by kind the one of this machine, and two of the outside.

        The kinds are `link-local`, `unique local`, `on-link`, a network that both are on, and `elsewhere`, one that is
        behind the outside.
        """
        near, far = _interfaces(self.name)
        number = f"{random.randrange(1 << 16):x}:{random.randrange(1 << 16):x}"
        bases = {"link-local": "fe80::", "unique local": f"fd00:{number}:1::", "on-link": f"2001:db8:{number}::"}
        found = {kind: (f"{base}a1", f"{base}b2", f"{base}b3") for kind, base in bases.items()}
        away = f"2001:db9:{number}::"
        found["elsewhere"] = (found["on-link"][0], f"{away}b2", f"{away}b3")
        for kind, (inside, *outside) in found.items():
            bits = 128 if kind == "elsewhere" else 64
            for address in outside:
                _must("-n", self.name, "address", "add", f"{address}/{bits}", "dev", far, "nodad")
            if kind != "elsewhere":
                _must("address", "add", f"{inside}/64", "dev", near, "nodad")
        _must("-6", "route", "add", f"{away}/64", "dev", near)
        return found


@contextlib.contextmanager
def outside() -> Iterator[Outside]:
    """Makes a namespace with an address, and removes it afterwards; ends the test where that is not possible."""
    _require()
    _remove_old()
    name = f"{_PREFIX}{os.getpid()}-{next(_SERIAL)}"
    try:
        yield _join(name)
    finally:
        _remove(name)


def _require() -> None:
    """Ends the test unless this process may make namespaces."""
    if shutil.which("ip") is None:
        missing("external addresses are tested with network namespaces: iproute2 is not installed")
    if os.geteuid() != 0:
        missing("external addresses are tested with network namespaces, which only root may make")


def _join(name: str) -> Outside:
    made = _ip("netns", "add", name)
    if made.returncode != 0:
        missing(f"this machine does not let root make network namespaces: {made.stderr.strip()}")
    near, far = _interfaces(name)
    _must("link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
    inside, address = _give_addresses(name, near, far)
    return Outside(name, inside, address)


def _interfaces(name: str) -> tuple[str, str]:
    """Returns the two ends' names, made short: Linux allows 15 characters."""
    owner, serial = name.removeprefix(_PREFIX).split("-")
    return f"dvz{owner}n{serial}", f"dvz{owner}f{serial}"


def _give_addresses(name: str, near: str, far: str) -> tuple[str, str]:
    """Chooses a small network that is not in use: several test runs may share this machine."""
    for _ in range(_TRIES_MAX):
        number = random.randrange(_NETWORKS_MAX)
        base = f"10.203.{number // 64}"
        inside, address = (f"{base}.{number % 64 * 4 + offset}" for offset in (1, 2))
        if _ip("route", "show", "to", "match", inside, "table", "main").stdout.find("10.203.") >= 0:
            continue
        _must("address", "add", f"{inside}/30", "dev", near)
        _must("link", "set", near, "up")
        _must("-n", name, "address", "add", f"{address}/30", "dev", far)
        _must("-n", name, "link", "set", far, "up")
        _must("-n", name, "link", "set", "lo", "up")
        return inside, address
    raise AssertionError("no free network in 10.203.0.0/16 for the test")


def _remove(name: str) -> None:
    """Ends the processes of a namespace, then removes it and its interfaces."""
    for pid in _ip("netns", "pids", name).stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), 9)
    _ip("netns", "delete", name)
    _ip("link", "delete", _interfaces(name)[0])


def _remove_old() -> None:
    """Removes the namespaces of test runs that were killed."""
    for line in _ip("netns", "list").stdout.splitlines():
        name = (line.split() or [""])[0]
        owner = name.removeprefix(_PREFIX).split("-")[0]
        if name.startswith(_PREFIX) and owner.isdigit() and not Path("/proc", owner).exists():
            _remove(name)


@contextlib.contextmanager
def _entered(name: str) -> Iterator[None]:
    """Moves this thread into a namespace and back; the block must not await."""
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{name}") as there:
        _set_namespace(there.fileno())
        try:
            yield
        finally:
            _set_namespace(home.fileno())


def _set_namespace(descriptor: int) -> None:
    # os.setns exists since Python 3.12.
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _ip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], capture_output=True, text=True, timeout=_COMMAND_DEADLINE_S)


def _must(*words: str) -> None:
    done = _ip(*words)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr.strip()}"
