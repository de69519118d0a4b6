"""The prompt with the program stopped: code has the board alone, with input, output and Ctrl-C. Loaded while in use.

asyncio waits while code runs. A timer serves the link meanwhile, through the stream that is the board's terminal; so
does each wait of the code for input. The code has an asyncio of its own: what it runs may make a new event loop.
"""

import asyncio
import os
import sys

from . import traceback_text
from .terminal import keyboard

TICK_MS = 50
_CANCEL_MS = 1000
_CTRL_C = 3
_core = asyncio.core  # type: ignore[attr-defined]


async def stop(device):
    """Cancels what the program runs, and leaves only the library's own commands; returns why it cannot, or None."""
    from . import facts

    if facts.has_releases():
        from . import trial

        state = trial.describe()["state"]
        trial.leave()
        if state == "trial":
            return "a release is on trial: wait until it is good, or falls back"
    device.is_stopped = True
    device.log.info("the program is stopped, for the prompt")
    commands = device.commands
    for name in list(commands.known):
        if name not in commands.own:
            del commands.known[name]
    own = device.own + device.link.tasks + [asyncio.current_task()]
    for _ in range(_CANCEL_MS // TICK_MS):
        others = [task for task in _waiting() if task not in own]
        if not others:
            break
        # Again, as a task may go on after the first.
        for task in others:
            task.cancel()
        await asyncio.sleep_ms(TICK_MS)
    return None


def _waiting():
    """Returns the tasks that wait for a time, or for a socket."""
    tasks = []
    while _core._task_queue.peek():
        tasks.append(_core._task_queue.pop())
    for task in tasks:
        _core._task_queue.push(task, task.ph_key)
    for entry in _core._io_queue.map.values():
        tasks += [task for task in entry[:2] if task is not None]
    return tasks


def can_run(device):
    """Whether this board can pass on its terminal; without, output is kept until the end, and there is no Ctrl-C."""
    return hasattr(os, "dupterm_notify") and hasattr(device.board, "every")


async def run(device, scope, code, is_value, stream):
    """Runs code in place of the program, with a `Stream` as terminal; returns the text of its exception, or None."""
    link = device.link
    # Nothing may be under way: the stream begins with whole packets.
    while link._session is not None and (link._session.writes or link._write_since_ms is not None):
        await asyncio.sleep_ms(1)
    if link._session is None or not device.is_stopped:
        return None
    # Code that failed may have left it as any byte.
    keyboard.kbd_intr(_CTRL_C)
    sys.modules["micropython"] = keyboard  # type: ignore[assignment]
    if "micropython" in scope:
        scope["micropython"] = keyboard
    kept = _core._task_queue, _core._io_queue, _core.cur_task, link._wake
    own = _core.TaskQueue(), _core.IOQueue(), None, asyncio.Event()
    _core._task_queue, _core._io_queue, _core.cur_task, link._wake = own
    error = before = timer = None
    try:
        before = os.dupterm(stream)
        timer = device.board.every(TICK_MS, stream.tick)
        error = _execute(scope, code, is_value)
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 (also the terminal may fail)
        error = traceback_text.traceback(failure) + "\n"
    while True:
        try:
            stream.is_ended = True
            if timer is not None:
                timer.deinit()
                timer = None
            os.dupterm(before)
            break
        except KeyboardInterrupt:
            # Of the last moment.
            pass
    stream.serve()
    _core._task_queue, _core._io_queue, _core.cur_task, link._wake = kept
    link._wake.set()
    return error


def _execute(scope, code, is_value):
    scope.pop("print", None)
    try:
        if not is_value:
            exec(code, scope)
            return None
        value = eval(code, scope)
        if hasattr(value, "send"):
            value = asyncio.run(value)
        if value is not None:
            print(repr(value))
    except SystemExit:
        return None
    except BaseException as failure:  # noqa: BLE001 (whatever the code raises is its answer)
        return traceback_text.traceback(failure) + "\n"
