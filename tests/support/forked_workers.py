"""Starts the processes of a parallel run as forks of one that has imported and collected the tests.

    python -m tests.support.forked_workers DESCRIPTOR ARGUMENT...

The arguments are those of pytest. With pytest-xdist each process imports and collects all tests, which takes seconds of
processor time. Here one process does it as one of pytest-xdist would, up to the loop that runs tests, and keeps the
events that it would send until then: each fork sends them, and goes on with the loop. If the process cannot do it, each
does it for itself.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.event_batches import EventBatches, one_by_one
from tests.support.fork_server import ForkServer, ForkServerError, fork_server, serve

if TYPE_CHECKING:
    from xdist.remote import WorkerInteractor

# Folders of short tests.
SHORT = ("tests/unit/", "tests/http/", "tests/contract/")
# In the input of a process: the file of the events that wait.
WAITING = "waiting_events"

# In a fork: the channel to the controller, once it is there; and whether all has been sent.
_channels: queue.SimpleQueue[Any] = queue.SimpleQueue()
_is_done = threading.Event()


class ForkedWorkers:
    """A plugin of the controller: makes execnet, which starts the processes, fork them."""

    def __init__(self, config: pytest.Config) -> None:
        from execnet import gateway_base, gateway_io

        # Whether the last process was forked.
        self.can_fork = True
        plugin = self
        arguments = [str(argument) for argument in config.invocation_params.args]
        server = ForkServer.run("tests.support.forked_workers", arguments, os.environ, own_session=False)

        class ForkedIO(gateway_io.Popen2IOMaster):
            """A process and the pipes to it; the last of the arguments of Python is the program that it runs."""

            def __init__(self, arguments: list[str], execmodel: Any) -> None:
                input, ours = os.pipe()
                theirs, output = os.pipe()
                to, back = os.fdopen(ours, "wb"), os.fdopen(theirs, "rb")
                with open(input, "rb") as given, open(output, "wb") as taken, open(2, "wb", closefd=False) as errors:
                    try:
                        self.popen = server.start(arguments[-1:], os.environ, taken, errors, given)
                        gateway_base.Popen2IO.__init__(self, to, back, execmodel)
                    except ForkServerError:
                        plugin.can_fork = False
                        to.close()
                        back.close()
                        super().__init__(arguments, execmodel)

        gateway_io.Popen2IOMaster = ForkedIO  # type: ignore[assignment,misc]

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        file = node.config._tmp_path_factory.getbasetemp() / f"events-{node.gateway.id}"
        node.workerinput[WAITING] = str(file)
        node.process_from_remote = one_by_one(node.process_from_remote, file)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_getremotemodule(self) -> ModuleType | None:
        """Returns what a fork runs."""
        return sys.modules[__name__] if self.can_fork else None


def hand_over(channel: Any) -> None:
    """Lets the main thread of a fork go on with the run; returns at its end. The controller has this called."""
    _channels.put(channel)
    _is_done.wait()


class _UnsentChannel:
    """Stands for the channel to the controller while there is none: keeps what is to be sent."""

    def __init__(self) -> None:
        from execnet.gateway_base import get_execmodel

        self.gateway = SimpleNamespace(execmodel=get_execmodel("main_thread_only"))
        self.events: list[Any] = []

    def send(self, event: Any) -> None:
        self.events.append(event)


class _Forking:
    """A plugin of the process that is forked: forks where the loop begins that runs tests."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._unsent = _UnsentChannel()
        self._interactor: WorkerInteractor | None = None
        # What makes the connection of pytest-rerunfailures to the controller, which each fork has of its own.
        self._connect_reruns: Any = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> None:
        from xdist.remote import WorkerInteractor, setup_config

        setup_config(config, None)
        config.workerinput = {"testrunuid": "", "sock_port": 0, "statusdb_token": ""}  # type: ignore[attr-defined]
        config.workeroutput = {}  # type: ignore[attr-defined]
        self._interactor = WorkerInteractor(config, self._unsent)
        reruns = config.pluginmanager.get_plugin("rerunfailures")
        if reruns is not None:
            self._connect_reruns, reruns.ClientStatusDB = reruns.ClientStatusDB, lambda *_: None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        if not all(item.nodeid.startswith(SHORT) for item in session.items):
            # One for all forks: each long test needs it.
            fork_server()
        self._fork(session.config)
        return (yield)

    def _fork(self, config: pytest.Config) -> None:
        """Returns in each fork."""
        capture: Any = config.pluginmanager.get_plugin("capturemanager")
        capture.stop_global_capturing()
        assert threading.active_count() == 1, "a process with threads must not be forked"
        try:
            serve(self._control)
        except SystemExit:
            # Of the process that is forked.
            os._exit(0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._connect(config)
        capture.start_global_capturing()
        capture.suspend_global_capture()

    def _connect(self, config: pytest.Config) -> None:
        """Gives a fork what a process of pytest-xdist has of its own, and sends what it would have sent."""
        threading.Thread(target=exec, args=(sys.argv[1], {}), name="execnet").start()
        channel = _channels.get()
        workerinput, _, options, _ = channel.receive()
        os.environ["PYTEST_XDIST_TESTRUNUID"] = workerinput["testrunuid"]
        os.environ["PYTEST_XDIST_WORKER"] = workerinput["workerid"]
        os.environ["PYTEST_XDIST_WORKER_COUNT"] = str(workerinput["workercount"])
        config.workerinput = workerinput  # type: ignore[attr-defined]
        config.option.basetemp = options.get("basetemp")
        config._tmp_path_factory = pytest.TempPathFactory.from_config(config, _ispytest=True)  # type: ignore[attr-defined]
        if self._connect_reruns is not None:
            config.failures_db = self._connect_reruns(  # type: ignore[attr-defined]
                workerinput["sock_port"], workerinput["statusdb_token"]
            )
        assert self._interactor is not None
        self._interactor.workerid, self._interactor.testrunuid = workerinput["workerid"], workerinput["testrunuid"]
        if config.option.xmlpath:
            # A report in XML is made of all.
            self._interactor.channel = channel
        else:
            queue = self._interactor.torun
            file, is_verbose = Path(workerinput[WAITING]), config.option.verbose > 0
            batches = EventBatches(channel.send, lambda: len(queue._items), file, is_verbose)
            self._interactor.channel = SimpleNamespace(send=batches.send, setcallback=channel.setcallback)
        for event in self._unsent.events:
            channel.send(event)


def main() -> None:
    control, arguments = socket.socket(fileno=int(sys.argv[1])), sys.argv[2:]
    # Ctrl-C is for the forks, which end in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 1)
    try:
        pytest.main(arguments, plugins=[_Forking(control)])
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # Then execnet, in its thread, ends too.
        _is_done.set()


if __name__ == "__main__":
    from tests.support import forked_workers

    forked_workers.main()
elif __name__ == "__channelexec__":
    from tests.support import forked_workers

    forked_workers.hand_over(channel)  # type: ignore[name-defined]  # noqa: F821
