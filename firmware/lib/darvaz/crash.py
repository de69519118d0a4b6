"""Why the program died: kept in a file until the gateway has it. Loaded when a program dies, and at the next start."""

import asyncio
import gc
import json
import os
import sys

from . import traceback_text
from .outbox import SIZE_BYTES
from .session import encode, to_bytes

PATH = "/crash.json"
TRACE_BYTES_MAX = 900
LINES_MAX = 8
LOG_LINE_BYTES_MAX = 120
# With the fields that are added when it is sent, at most `SEND_BYTES`.
REPORT_BYTES_MAX = 1900
# Beyond it, the size of the largest free block does not matter.
_BLOCK_BYTES_MAX = 65536
_WAIT_MS = 200


def keep(device, error, reason):
    """Writes a report of an exception to the flash and returns whether it did; never raises.

    The first report stays until the gateway has it. Without a device (None) the program died before it made one.
    """
    try:
        os.stat(PATH)
        return False
    except OSError:
        pass
    try:
        gc.collect()
        report = {"reason": reason, "boot_id": device.boot_id if device else ""}
        release = _release()
        if release is not None:
            report["release"] = release
        if device:
            report["ran_ms"] = device.uptime_ms()
        report["heap_free_bytes"] = gc.mem_free()
        report["heap_largest_bytes"] = _largest_block()
        trace = to_bytes(traceback_text.traceback(error))
        start = max(0, len(trace) - TRACE_BYTES_MAX)
        while start < len(trace) and trace[start] & 0xC0 == 0x80:
            start += 1
        report["traceback"] = trace[start:].decode()
        _write(report, _last_lines(device.outbox) if device else [])
        return True
    except Exception as failure:  # noqa: BLE001 (the board must restart whatever else fails)
        print("no crash report:", failure)
        return False


async def tell(device):
    """Sends the report that is kept, and removes it once the gateway has it."""
    from . import unload

    try:
        with open(PATH) as file:
            report = json.load(file)
        report["type"] = "crash"
        while device.state != "online":
            await asyncio.sleep_ms(_WAIT_MS)
        outbox = device.outbox
        report["uptime_ms"], report["seq"] = device.uptime_ms(), device.seq
        device._post(encode(json.dumps(report)))
        sent_at = outbox._dropped + outbox.used
        while outbox._dropped < sent_at:
            await asyncio.sleep_ms(_WAIT_MS)
    except (ValueError, TypeError) as error:
        # It was damaged, or is not ours.
        device.log.warning("the crash report cannot be sent: %s" % error)
    os.remove(PATH)
    unload("crash", "traceback_text")


def _release():
    """Returns which release runs; None without a loader."""
    try:
        import darvaz_loader
    except ImportError:
        return None
    release = darvaz_loader.read().get("release", "")
    sys.modules.pop("darvaz_loader", None)
    return release


def _largest_block():
    """Returns about how many bytes can be allocated at once, to a kilobyte."""
    low, high = 0, _BLOCK_BYTES_MAX
    while high - low > 1024:
        middle = (low + high) // 2
        try:
            bytearray(middle)
            low = middle
        except MemoryError:
            high = middle
    gc.collect()
    return low


def _last_lines(outbox):
    """Returns the last lines of the log that the gateway does not have, the oldest first."""
    lines = []
    at = 0
    while at < outbox.used:
        data = outbox.message_at(at)
        at += SIZE_BYTES + len(data)
        message = json.loads(data)
        if message["type"] == "log":
            text = to_bytes(message["message"].split("\n")[0])
            lines.append(text[: traceback_text.cut(text, LOG_LINE_BYTES_MAX)].decode())
            if len(lines) > LINES_MAX:
                lines.pop(0)
    return lines


def _write(report, lines):
    report["log"] = lines
    data = json.dumps(report).encode()
    while len(data) > REPORT_BYTES_MAX and (lines or report["traceback"]):
        # Control characters take six bytes each as JSON.
        if lines:
            lines.pop(0)
        else:
            report["traceback"] = report["traceback"][len(report["traceback"]) // 2 + 1 :]
        data = json.dumps(report).encode()
    with open(PATH + ".new", "wb") as file:
        file.write(data)
    os.rename(PATH + ".new", PATH)
