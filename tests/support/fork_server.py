"""Starts `darvaz` quickly: one process imports Darvaz, and every gateway and other verb is a fork of it.

    python -m tests.support.fork_server DESCRIPTOR

Importing is nine tenths of the processor time of a start. A fork is `darvaz` all the same: a process, session and
streams of its own, with the arguments, the environment and the folder that it is given.

A request is one packet on the control socket: JSON, and file descriptors, of a socket for the answers, of the input,
the output and the errors, and of the control socket where the fork may make requests of its own. The answers are
packets of decimal numbers: the process id, and later the wait status.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

REQUEST_BYTES_MAX = 65_536
# What a fork runs, as Python would with `-c`; `server` is there the fork server, or None if it is not shared.
DARVAZ = "from darvaz.__main__ import main; main()"
_ROOT = Path(__file__).resolve().parents[2]
# The environment decides whether the compiled modules are imported, which a fork cannot do again.
_IMPORT_VARIABLE = "DARVAZ_COMPILED"
# As it was when these tests began: forks have it.
_IMPORTED_AS = os.environ.get(_IMPORT_VARIABLE)
# All that a gateway imports before it answers, and most of what other verbs import.
_IMPORTED = (
    "darvaz.cli",
    "darvaz.cli.devices",
    "darvaz.cli.doctor",
    "darvaz.cli.flash",
    "darvaz.cli.send",
    "darvaz.cli.token",
    "darvaz.gateway.server",
    "encodings.idna",
    "rich._emoji_codes",
    "uvicorn.lifespan.on",
    "uvloop",
)


class ForkServerError(Exception):
    """The fork server has ended."""


class ForkedProcess:
    """What a fork server started, as `subprocess.Popen` shows a process."""

    def __init__(self, answers: socket.socket) -> None:
        self._answers = answers
        self.stdin: IO[bytes] | None = None
        answer = answers.recv(32)
        if not answer:
            answers.close()
            raise ForkServerError
        self.pid = int(answer)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Returns the exit status, or None while the process runs."""
        return self._receive_status(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the exit status; raises `subprocess.TimeoutExpired`."""
        status = self._receive_status(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("darvaz", timeout or 0.0)
        return status

    def _receive_status(self, timeout_s: float | None) -> int | None:
        if self.returncode is None and select.select([self._answers], [], [], timeout_s)[0]:
            answer = self._answers.recv(32)
            self.returncode = os.waitstatus_to_exitcode(int(answer)) if answer else -signal.SIGKILL
            self._answers.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __del__(self) -> None:
        # A test may let go of a gateway that it killed without asking for its status.
        self._answers.close()


class ForkServer:
    """A fork server, as a client uses it by the socket `control`; it ends, with all its forks, when its clients do."""

    def __init__(self, control: socket.socket, *, own_session: bool) -> None:
        # Packets arrive whole, so threads and the processes of a run need no lock.
        self._control = control
        self._own_session = own_session
        # Of the one that ran it: a process that is let go of is waited for.
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def run(
        cls,
        module: str,
        arguments: Sequence[str],
        env: Mapping[str, str],
        *,
        own_session: bool,
        folder: Path | None = None,
    ) -> ForkServer:
        """Runs a module as a program in a folder, with the descriptor of its end of the socket and `arguments`."""
        command = [sys.executable, "-m", module]
        return cls.run_command(command, arguments, env, own_session=own_session, folder=folder)

    @classmethod
    def run_command(
        cls,
        command: Sequence[str],
        arguments: Sequence[str],
        env: Mapping[str, str],
        *,
        own_session: bool,
        folder: Path | None = None,
    ) -> ForkServer:
        """Runs a program in a folder, with the descriptor of its end of the socket and `arguments`."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [*command, str(theirs.fileno()), *arguments],
                pass_fds=[theirs.fileno()],
                env=env,
                cwd=folder,
                start_new_session=own_session,
            )
        server = cls(ours, own_session=own_session)
        server._process = process
        return server

    def start(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        output: IO[bytes],
        errors: IO[bytes] | None = None,
        input: IO[bytes] | None = None,
        folder: Path | None = None,
        program: str = DARVAZ,
        preload: Sequence[str] = (),
        is_shared: bool = False,
    ) -> ForkedProcess:
        """Starts a fork with these arguments; without `errors` they go to the output, and no input is empty.

        `preload` are modules that the server imports before it forks. With `is_shared` the fork is a client too: the
        server does not end before it.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = {
            "arguments": list(arguments),
            "env": dict(env),
            "folder": str(folder or Path.cwd()),
            "own_session": self._own_session,
            "program": program,
            "preload": list(preload),
        }
        with theirs, open(os.devnull, "rb") as nothing:
            streams = [input or nothing, output, errors or output]
            descriptors = [theirs.fileno(), *(stream.fileno() for stream in streams)]
            if is_shared:
                descriptors.append(self._control.fileno())
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
            except OSError:
                ours.close()
                raise ForkServerError from None
        return ForkedProcess(ours)


def can_fork(env: Mapping[str, str]) -> bool:
    """Whether a `darvaz` with this environment may be a fork."""
    return hasattr(os, "pidfd_open") and env.get(_IMPORT_VARIABLE) == _IMPORTED_AS


@cache
def fork_server() -> ForkServer:
    """Returns the fork server of `darvaz`: of this process, or of all that one process forked after it called this."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DARVAZ_")}
    if _IMPORTED_AS is not None:
        clean[_IMPORT_VARIABLE] = _IMPORTED_AS
    return ForkServer.run("tests.support.fork_server", [], clean, own_session=True, folder=_ROOT)


# In the fork server


def serve(control: socket.socket) -> tuple[str, ForkServer | None]:
    """Forks until the tests end; returns in each fork what it runs, and this server if it is shared."""
    # Of each fork: the descriptor that tells of its end, its id and the socket for its status.
    forks: dict[int, tuple[int, socket.socket]] = {}
    while True:
        ready, _, _ = select.select([control.fileno(), *forks], [], [])
        for pidfd in [pidfd for pidfd in forks if pidfd in ready]:
            _report(pidfd, *forks.pop(pidfd))
        if control.fileno() not in ready:
            continue
        packet, descriptors, _, _ = socket.recv_fds(control, REQUEST_BYTES_MAX, 5)
        if not packet:
            _end_all([pid for pid, _ in forks.values()])
            sys.exit()
        answers, streams, shared = socket.socket(fileno=descriptors[0]), descriptors[1:4], descriptors[4:]
        request = json.loads(packet)
        _import(request["preload"])
        pid = os.fork()
        if pid == 0:
            for descriptor in forks:
                os.close(descriptor)
            for own in (control, answers, *(kept for _, kept in forks.values())):
                own.close()
            _become(request, streams)
            own_session = request["own_session"]
            servers = [ForkServer(socket.socket(fileno=each), own_session=own_session) for each in shared]
            return request["program"], servers[0] if servers else None
        for descriptor in (*streams, *shared):
            os.close(descriptor)
        answers.send(str(pid).encode())
        forks[os.pidfd_open(pid)] = (pid, answers)


def _import(modules: Sequence[str]) -> None:
    """Imports modules that are not there yet."""
    missing = [name for name in modules if name not in sys.modules]
    for name in missing:
        importlib.import_module(name)
    if missing:
        _freeze()


def _freeze() -> None:
    """Keeps forks from looking for garbage in what is there: each would copy all of it."""
    assert threading.active_count() == 1, "a process with threads must not be forked"
    gc.collect()
    gc.freeze()


def _report(pidfd: int, pid: int, answers: socket.socket) -> None:
    status = os.waitpid(pid, 0)[1]
    os.close(pidfd)
    # The test may have forgotten its gateway.
    with answers, contextlib.suppress(OSError):
        answers.send(str(status).encode())


def _end_all(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    time.sleep(1.0 if pids else 0.0)
    for pid in pids:
        if os.waitpid(pid, os.WNOHANG)[0] == 0:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """Gives a fork what a new process has: session, folder, environment, arguments and streams."""
    if request["own_session"]:
        os.setsid()
    os.chdir(request["folder"])
    # It depends on the environment.
    tempfile.tempdir = None
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv[1:] = request["arguments"]
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)


def main() -> None:
    for name in _IMPORTED:
        importlib.import_module(name)
    from darvaz.boards.flashing.firmware_files import read_deployed
    from darvaz.gateway.dashboard.routes import file_routes
    from darvaz.protocol.codec import MessageCodec

    # What is made once in a process, each fork has.
    file_routes()
    MessageCodec()
    for kind in ("pico", "esp32cam"):
        read_deployed(kind)

    run_forks(socket.socket(fileno=int(sys.argv[1])))


def run_forks(control: socket.socket) -> None:
    """Forks until the tests end; what is imported by now, each fork has."""
    _freeze()
    program, server = serve(control)
    _run_to_the_end(lambda: exec(program, {"__name__": "__main__", "server": server}))


def _run_to_the_end(run: Callable[[], None]) -> None:
    """Runs what a fork is for; its end is that of any Python but for the objects, which are not freed one by one.

    That would copy nearly all of the memory that a fork shares, and take half of the time of a short verb.
    """
    try:
        run()
    except SystemExit as error:
        status = error.code
    else:
        status = None
    if status is not None and not isinstance(status, int):
        raise SystemExit(status)
    # As Py_FinalizeEx does: threads, exit functions, and then the streams.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        # Python has a status and a sentence of its own for it.
        raise SystemExit(status) from None
    os._exit((status or 0) & 0xFF)


if __name__ == "__main__":
    main()
