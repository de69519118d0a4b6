"""What a device does seldom: tells losses, thins telemetry, restarts. Loaded when it happens."""

import asyncio
import json
import time

from .device import REBOOT_MS
from .outbox import SIZE_BYTES
from .session import dump

# As in startup.py.
ONLINE = "/was_online"
_LOG_CHARS_CUT = 256
_ACK_MS = 50
# Anywhere in the text: MicroPython's dictionaries have no order.
_TELEMETRY = b'"type":"telemetry"'
# Reports that wait are kept a quarter of their age apart; if that is too many, half of it, or all of it.
_PARTS = (4, 2, 1)


def on_opened(device, message):
    """Handles the gateway's connection_ack."""
    if "time" in message:
        device.board.set_clock(int(message["time"]))
    device.log.info("gateway: online as %s" % message.get("device", device.id))
    if device.supervisor.setup_ms is not None:
        device.supervisor.setup_ms = None
        try:
            open(ONLINE, "w").close()
        except OSError:
            # The flash is full.
            pass
    for function in device.greeters:
        asyncio.create_task(device.supervise(function))


async def _wait(is_busy):
    for _ in range(REBOOT_MS // _ACK_MS):
        if not is_busy():
            break
        await asyncio.sleep_ms(_ACK_MS)


async def reboot(device):
    """Closes the link and restarts the board."""
    try:
        from . import trial

        # A program that was left out gets another chance.
        trial.retry()
        trial.leave()
    except ImportError:
        pass
    link = device.link
    # The ack is written by then, or soon after.
    await asyncio.sleep_ms(_ACK_MS)
    await _wait(lambda: (link._session is not None and link._session.writes) or link._write_since_ms is not None)
    device.supervisor.end("the board restarts")
    await _wait(lambda: link.is_online)
    device.outbox.save()
    device.board.reset()


def tell_losses(device):
    """Logs what was lost since the last time, by its reason."""
    outbox, log = device.outbox, device.log
    counts = (device.crowded, outbox.lost - device.crowded, log.lost)
    thinned = outbox.thinned
    device.crowded = outbox.lost = outbox.thinned = log.lost = 0
    if thinned:
        log.info("%d reports were left out while the gateway was away" % thinned)
    reasons = (": more came at once than the outbox holds", " while the gateway was away", ": the memory was short")
    for count, reason in zip(counts, reasons):
        if count > 0:
            log.warning("%d messages were lost%s" % (count, reason))


def restart_after(device, error, wait_s):
    """Tells why the program ended, and restarts the board; Ctrl-C takes the prompt instead."""
    device.log.exception("the program failed, and starts again in %d s; Ctrl-C for the prompt" % wait_s, error)
    device.link.close()
    device.outbox.save()
    keep_crash(device, error, "exception")
    try:
        import darvaz_loader

        darvaz_loader.note(error)
    except ImportError:
        pass
    asyncio.new_event_loop()
    # MicroPython's asyncio.sleep() is not a coroutine that could be run.
    time.sleep(wait_s)
    device.board.reset()


def keep_crash(device, error, reason):
    """Keeps why the program died, or why a task of it ended, which is told at once."""
    try:
        from . import crash

        if crash.keep(device, error, reason) and reason == "task":
            asyncio.create_task(crash.tell(device))
    except MemoryError:
        # The log has what there was memory for.
        pass


def shorten(message):
    """Returns the JSON of a line of the log that is too long only as JSON."""
    # Six bytes for each control character (RFC 8259 section 7).
    message["message"] = message["message"][:_LOG_CHARS_CUT]
    return dump(message).encode()


def unsent(message, error):
    """Returns the ack that takes the place of a message that cannot be sent, or None."""
    if message["type"] != "ack" or message["status"] == "error":
        return None
    text = "the result cannot be sent: %s" % error
    return {"type": "ack", "id": message["id"], "status": "error", "message": text[:256]}


def thin(outbox):
    """Makes space in an outbox of which nothing was written on this connection; returns how many messages went."""
    newest = {}
    at = now_ms = 0
    while at < outbox.used:
        message = outbox.message_at(at)
        kind, uptime_ms = _report_in(message)
        if kind is not None:
            newest[kind], now_ms = at, uptime_ms
        at += SIZE_BYTES + len(message)
    thinned, most = 0, outbox.used * 3 // 4
    for part in _PARTS:
        if outbox.used > most:
            thinned += _keep_some(outbox, newest, now_ms, part)
    return thinned


def _keep_some(outbox, newest, now_ms, part):
    """Keeps reports that are further apart than a part of their age, and the newest of each kind."""
    # By kind: when the last report that is kept was made.
    last_ms = {"": 0}
    at = kept_bytes = thinned = 0
    end = outbox.used
    while at < end:
        message = outbox.message_at(at)
        kind, uptime_ms = _report_in(message)
        is_kept = kind is None or kind not in last_ms or newest[kind] == at
        if is_kept or (uptime_ms - last_ms[kind]) * part >= now_ms - uptime_ms:
            last_ms[kind] = uptime_ms
            if newest.get(kind) == at:
                newest[kind] = kept_bytes
            # Never beyond what was read: the messages only move towards the start.
            outbox.put_at(kept_bytes, message)
            kept_bytes += SIZE_BYTES + len(message)
        else:
            thinned += 1
        at += SIZE_BYTES + len(message)
    outbox.used = kept_bytes
    return thinned


def _report_in(message):
    """Returns the names that a report holds, as one text, and when it was made; None for what is not telemetry."""
    if message.find(_TELEMETRY) < 0:
        return None, 0
    report = json.loads(bytes(message).decode())
    return ",".join(sorted(report.get("values", ()))), report.get("uptime_ms", 0)
