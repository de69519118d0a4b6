"""Which programs of this machine count as local: none that another machine reaches, or is connected with."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from darvaz.gateway import local_programs
from darvaz.gateway.local_programs import Address, LocalPrograms, is_local_program
from tests.support.netns import outside

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells whose a connection is")

_DEADLINE_S = 20.0
# It stays until we hang up.
_CONNECT = "import socket, sys\ns = socket.create_connection(({host!r}, {port}))\n"
# A descriptor is a file instead of a socket at some of them.
_LOOKS = 40
_STAY = "\ns.recv(1)\n"


@contextmanager
def connected(
    first: str = "", family: int = socket.AF_INET, host: str = "127.0.0.1"
) -> Iterator[tuple[Address, Address]]:
    """Runs a program that does something first and then connects here; gives both addresses of the connection."""
    listener = socket.create_server(
        ("::" if family == socket.AF_INET6 else host, 0), family=family, dualstack_ipv6=family == socket.AF_INET6
    )
    listener.settimeout(_DEADLINE_S)
    with listener:
        code = "import os, socket\n" + first + "\n" + _CONNECT.format(host=host, port=listener.getsockname()[1]) + _STAY
        program = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL)
        try:
            made, peer = listener.accept()
            with made:
                yield peer[:2], made.getsockname()[:2]
        finally:
            program.kill()
            program.wait(_DEADLINE_S)


_SWAPS = """
import itertools, threading
ends = socket.socketpair()
file = os.open("/dev/null", os.O_RDONLY)
kept = os.dup(file)
swap = lambda: all(os.dup2(source, kept) for source in itertools.cycle((ends[0].fileno(), file)))
threading.Thread(target=swap, daemon=True).start()
"""


@pytest.mark.parametrize(
    "first",
    [
        "",
        "kept = socket.socket(); kept.bind(('', 0))",
        "kept = socket.socketpair()",
        "kept = socket.create_server(('127.0.0.1', 0))",
        "kept = socket.create_server(('::1', 0), family=socket.AF_INET6)",
        "kept = socket.socket(type=socket.SOCK_DGRAM)",
        "kept = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    ],
)
def test_program_without_a_way_to_others_is_local(first: str) -> None:
    with connected(first) as (peer, here):
        assert is_local_program(peer, here)


def test_a_program_that_opens_files_where_it_had_sockets_is_local_all_the_time() -> None:
    with connected(_SWAPS) as (peer, here):
        assert {is_local_program(peer, here) for _ in range(_LOOKS)} == {True}


@pytest.mark.parametrize(
    "first",
    [
        "kept = socket.create_server(('0.0.0.0', 0))",
        "kept = socket.create_server(('::', 0), family=socket.AF_INET6)",
        "kept = socket.socket(type=socket.SOCK_DGRAM); kept.bind(('0.0.0.0', 0))",
        "kept = [socket.socket() for _ in range(300)]",
    ],
)
def test_program_that_others_can_reach_is_not_local(first: str) -> None:
    with connected(first) as (peer, here):
        assert not is_local_program(peer, here)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_program_is_found_over_both_families(host: str) -> None:
    with connected(family=socket.AF_INET6, host=host) as (peer, here):
        assert is_local_program(peer, here)


@pytest.mark.netns
@pytest.mark.xdist_group("netns")
def test_program_that_is_connected_with_another_machine_is_not_local() -> None:
    with outside() as machine, socket.create_server((machine.inside, 0)) as here_for_others:
        far = machine.dial(here_for_others.getsockname()[1])
        near, _ = here_for_others.accept()
        near.set_inheritable(True)
        with far, near:
            # As the child of `ssh -R` or of a port forward has the connection of the one that it serves.
            first = f"import os; kept = socket.socket(fileno=os.dup({near.fileno()}))"
            with connected_with(near, first) as (peer, own):
                assert not is_local_program(peer, own)


@contextmanager
def connected_with(kept: socket.socket, first: str) -> Iterator[tuple[Address, Address]]:
    """Runs a program that has inherited a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = "import os, socket\n" + first + "\n" + _CONNECT.format(host="127.0.0.1", port=listener.getsockname()[1])
        program = subprocess.Popen([sys.executable, "-c", code + _STAY], pass_fds=[kept.fileno()])
        try:
            made, peer = listener.accept()
            with made:
                yield peer[:2], made.getsockname()[:2]
        finally:
            program.kill()
            program.wait(_DEADLINE_S)


def test_connection_that_is_not_there_is_not_local() -> None:
    assert not is_local_program(("127.0.0.1", 1), ("127.0.0.1", 2))


async def test_beyond_the_limit_nobody_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = LocalPrograms()
    monkeypatch.setattr(local_programs, "WAITING_MAX", 0)

    with connected() as (peer, here):
        assert not await programs.is_local(peer, here)

    programs.close()


async def test_it_is_found_in_a_thread_of_its_own() -> None:
    programs = LocalPrograms()

    with connected() as (peer, here):
        results = await asyncio.gather(*(programs.is_local(peer, here) for _ in range(3)))

    programs.close()
    assert results == [True] * 3
