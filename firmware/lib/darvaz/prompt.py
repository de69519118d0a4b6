"""The prompt from afar: runs code of an operator, beside the program or in its place. Loaded while somebody uses it.

The code sees the program's variables as they are, and `main`, its module. What it sets itself stays in a namespace of
its own until the prompt is closed.
"""

import asyncio
import builtins
import gc

from . import traceback_text, unload

CODE_BYTES_MAX = 24576
# At least; otherwise half of the free heap.
OUTPUT_BYTES_LEAST = 8192
PIECE_CHARS = 300
# Packets that may wait for the writer before the next piece is made.
_WRITES_MAX = 4
_WAIT_MS = 5

# The namespace of the prompt, what was copied into it from the program, and the code that has arrived so far.
_scope: dict = {}
_copied: dict = {}
_parts: list = []
# Whether code runs: it may wait for a coroutine. And its terminal, while the program is stopped.
_running: list = []
_terminal: list = []


class Output:
    """What code prints: kept until the code ends, as the link waits meanwhile."""

    def __init__(self):
        self.pieces = []
        self._size = 0
        self._size_max = max(OUTPUT_BYTES_LEAST, gc.mem_free() // 2)

    def print(self, *values, sep=" ", end="\n", file=None):
        """Takes the place of print() for the code."""
        text = sep.join([str(value) for value in values]) + end
        self._size += len(text.encode())
        if self._size > self._size_max:
            raise RuntimeError("the prompt takes %d bytes of output at once" % self._size_max)
        self.pieces.append(text)


def take(device, message):
    """Carries out a step: `stop`, a part of the code, its end (`run` or `value`), or `close`."""
    number, step = message["id"], message["step"]
    if device.config.get("prompt") is False:
        _refuse(device, number, 'the prompt of this board is off: its config.json has "prompt": false')
    elif step == "close":
        close()
        _answer(device, {"id": number, "state": "done"})
        if device.is_stopped:
            from . import seldom

            # It starts the program again. Code that has not begun does not begin any more.
            device.is_stopped = None
            asyncio.create_task(seldom.reboot(device))
    elif step == "stop":
        asyncio.create_task(_stop(device, number))
    elif step in ("input", "interrupt"):
        # Otherwise it is for code that has ended.
        if _terminal:
            _terminal[0].type(message)
    elif sum([len(part) for part in _parts]) + len(message.get("code", "")) > CODE_BYTES_MAX:
        del _parts[:]
        _refuse(device, number, "the code is too long for a board: at most %d bytes" % CODE_BYTES_MAX)
    elif _running:
        _refuse(device, number, "the code before it is still running")
    else:
        _parts.append(message.get("code", ""))
        if step == "part":
            _answer(device, {"id": number, "state": "done"})
        else:
            code = "".join(_parts)
            del _parts[:]
            _running.append(number)
            if device.is_stopped is not False:
                from . import terminal

                _terminal.append(terminal.Stream(device, number))
            asyncio.create_task(_run(device, number, code, step == "value"))


def close():
    """Forgets the namespace, and unloads the prompt."""
    _scope.clear()
    _copied.clear()
    del _parts[:]
    unload("prompt", "traceback_text", "stopped", "terminal")
    gc.collect()


async def _stop(device, number):
    from . import stopped, terminal

    why = None if device.is_stopped else await stopped.stop(device)
    if why is None:
        answer = {"id": number, "state": "done"}
        if stopped.can_run(device):
            answer["input_bytes_max"] = terminal.INPUT_BYTES_MAX
        _answer(device, answer)
    else:
        _refuse(device, number, why)


async def _run(device, number, code, is_value):
    output, error = Output(), None
    try:
        _refresh()
        error = await _choose(device, number, output, code, is_value)
        del code
        gc.collect()
        await _send(device, number, output.pieces)
        # The last lines say what is wrong.
        if error is not None:
            await _send(device, number, [error[-4 * PIECE_CHARS :]], "error_text")
        _answer(device, {"id": number, "state": "done"})
    except MemoryError:
        output.pieces = []
        _refuse(device, number, "the memory of the board is short")
    finally:
        del _running[:], _terminal[:]


async def _choose(device, number, output, code, is_value):
    if device.is_stopped is not False:
        from . import stopped

        if _terminal and stopped.can_run(device):
            return await stopped.run(device, _scope, code, is_value, _terminal[0])
    return await _execute(output, code, is_value)


async def _execute(output, code, is_value):
    """Runs code and returns the text of its exception, or None."""
    _scope["print"] = output.print
    own = builtins.print
    try:
        # Also for functions of the program that the code calls; ports may not allow it.
        try:
            builtins.print = output.print
        except (AttributeError, TypeError):
            pass
        try:
            if not is_value:
                exec(code, _scope)
                return None
            value = eval(code, _scope)
            if hasattr(value, "send"):
                builtins.print = own
                value = await value
            if value is not None:
                output.print(repr(value))
        finally:
            try:
                builtins.print = own
            except (AttributeError, TypeError):
                pass
    except (SystemExit, asyncio.CancelledError):
        return None
    except BaseException as failure:  # noqa: BLE001 (whatever the code raises is its answer)
        return traceback_text.traceback(failure) + "\n"


def _refresh():
    """Brings the variables of the program up to date, except those that the prompt has set itself."""
    main = __import__("__main__")
    there = main.__dict__
    for name in there:
        if name not in _scope or (name in _copied and _scope[name] is _copied[name]):
            _scope[name] = _copied[name] = there[name]
    _scope["main"] = main


async def _send(device, number, pieces, field="text"):
    """Sends texts in packets that fit, and lets others write in between."""
    waiting = ""
    while pieces or waiting:
        while pieces and len(waiting) < PIECE_CHARS:
            waiting += pieces.pop(0)
        piece, waiting = waiting[:PIECE_CHARS], waiting[PIECE_CHARS:]
        while device.link._session is not None and len(device.link._session.writes) >= _WRITES_MAX:
            await asyncio.sleep_ms(_WAIT_MS)
        _answer(device, {"id": number, "state": "more", field: piece})


def _answer(device, message):
    message["type"] = "prompt_output"
    device.send(message)


def _refuse(device, number, text):
    _answer(device, {"id": number, "state": "refused", "message": text})
