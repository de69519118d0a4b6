"""Why a link ended, which gateway is tried next, and when. Loaded at the end of a link and between two.

What must be remembered is with the supervisor. A wait is doubled at each failure, with full jitter, so that boards that
lost their gateway together do not return together.
"""

import errno
import json
import random

# After this many connections in a row without any answer the Wi-Fi is suspected, not the gateway.
REJOIN_AFTER = 3
# A radio that fails this often to start needs a reset; a gateway that is away never causes one.
RADIO_FAULTS_MAX = 5
# A board that was online this recently retries soon while its gateway is being restarted.
RECENT_MS = 3600000
# Going away, hung up without a word, restarting (RFC 6455 section 7.4.1 and its registry of close codes).
RESTARTS = (1001, 1006, 1012)
# What a proxy answers whose gateway is away.
PROXY_RESTARTS = (502, 503, 504)
FIRST_MS = 1000
LONGEST_MS = 60000
# While the gateway's machine answers that nobody listens, the gateway is most likely being restarted.
RESTART_LONGEST_MS = 6000
# A token that was refused is rarely good a minute later.
REFUSED_LONGEST_MS = 300000
# Never 0: a gateway that closes every connection at once must not keep the radio busy.
SHORTEST_MS = 100
# A link that held this long was a good one.
HELD_MS = 30000
# Nobody who answers, also in the gateway's name, silences a board for longer.
RETRY_AFTER_S_MAX = 300
_DOUBLINGS_MAX = 16


def new_history(urls):
    """Returns what a supervisor remembers of its links; `urls` are the addresses of the configuration."""
    from .opening import parse_url

    return {
        # [parsed address, uptime before which it wants no connection]; one that did not greet becomes the last.
        "gateways": [[parse_url(url), 0] for url in urls],
        # In a row: failures, of which a refusal counts as two; connections without an answer; starts of the radio that
        # failed.
        "failures": 0,
        "unanswered": 0,
        "radio_faults": 0,
        # Uptime at which the last link was open; None before the first.
        "online_ms": None,
    }


def on_radio_fault(history, device, error):
    """Logs that the radio did not start; a radio that fails often needs a reset."""
    history["radio_faults"] += 1
    device.log.error("wifi: the radio does not start: %s" % error)
    if history["radio_faults"] >= RADIO_FAULTS_MAX:
        device.board.reset()


def choose(history, now_ms):
    """Returns the entry of the gateway to try now: the first that wants a connection, else the soonest."""
    history["radio_faults"] = 0
    soonest = history["gateways"][0]
    for entry in history["gateways"]:
        if entry[1] <= now_ms:
            return entry
        if entry[1] < soonest[1]:
            soonest = entry
    return soonest


def conclude(history, link, entry, now_ms):
    """Returns how long to wait after a link to the gateway of an entry, in milliseconds."""
    link.log.warning("gateway %s: %s" % (entry[0][1], link.end_reason))
    if link.opened_ms is not None:
        note_held(history, now_ms - link.opened_ms)
        history["online_ms"] = now_ms
    else:
        history["gateways"].remove(entry)
        history["gateways"].append(entry)
    history["unanswered"] = 0 if link.is_answered else history["unanswered"] + 1
    if link.is_refused or link.retry_after_s is not None:
        return _put_off(history, link, entry, now_ms)
    is_recent = history["online_ms"] is not None and now_ms - history["online_ms"] < RECENT_MS
    return fail(history, link.is_restart and is_recent)


def is_deaf(history, link):
    """Whether the Wi-Fi is to be joined again; the count starts again then."""
    if history["unanswered"] < REJOIN_AFTER:
        return False
    history["unanswered"] = 0
    link.log.warning("wifi: nobody answers, joining again")
    return True


def _put_off(history, link, entry, now_ms):
    # Meanwhile the others of the list are tried: one that refuses, or lies, does not silence the board.
    wait_ms = refuse(history, link.retry_after_s)
    entry[1] = now_ms + wait_ms
    if len(history["gateways"]) == 1:
        return wait_ms
    return max(choose(history, now_ms)[1] - now_ms, fail(history))


# Waits


def note_held(history, held_ms):
    """Takes how long the last link was open: after a long one the failures count from 0 again."""
    if held_ms >= HELD_MS:
        history["failures"] = 0


def fail(history, is_restart=False):
    """Returns the milliseconds to wait after an attempt that failed or a link that ended.

    `is_restart`: the gateway is most likely being restarted.
    """
    longest_ms = RESTART_LONGEST_MS if is_restart else LONGEST_MS
    return max(SHORTEST_MS, random.randrange(_grow(history, 1, longest_ms) + 1))


def refuse(history, retry_after_s=None):
    """Returns the milliseconds to wait after a refusal; not less than the gateway asked for, up to 300 s."""
    ceiling_ms = _grow(history, 2, REFUSED_LONGEST_MS)
    if retry_after_s is None:
        return ceiling_ms // 2 + random.randrange(ceiling_ms // 2 + 1)
    least_ms = int(min(max(retry_after_s, 0), RETRY_AFTER_S_MAX) * 1000)
    # Boards that were refused together got the same number: spread them.
    return least_ms + max(SHORTEST_MS, random.randrange(FIRST_MS + least_ms // 10 + 1))


def _grow(history, failures, longest_ms):
    before = history["failures"]
    history["failures"] = before + failures
    return min(longest_ms, FIRST_MS << min(before + failures - 1, _DOUBLINGS_MAX))


# Reasons


def on_failed(link, error):
    """Ends a link that an exception broke."""
    if isinstance(error, OSError):
        # A refusal comes from a machine: the network is well.
        if error.errno in (errno.ECONNREFUSED, errno.ECONNRESET):
            link.is_answered = link.is_restart = True
        # Such as ECONNRESET.
        reason = errno.errorcode.get(error.errno) or str(error)
        # Mbed TLS has negative numbers. They do not tell a wrong key from a gateway without TLS.
        if isinstance(error.errno, int) and error.errno < 0:
            link.is_answered = True
            if link.uses_psk:
                reason += ": the gateway does not know this token, or offers no TLS-PSK; run `make flash` again"
        link.end(("the connection broke: " if link.opened_ms is not None else "no connection: ") + reason)
    elif not isinstance(error, MemoryError):
        link.log.exception("the link failed", error)
        link.end("a fault on the board")


def on_refused(link, status, body):
    """Ends a link whose handshake was answered with another status than 101."""
    link.is_refused = status in (401, 403)
    link.is_restart = status in PROXY_RESTARTS
    try:
        # A problem of RFC 9457, whose detail is for people.
        body = json.loads(body)["detail"]
    except (ValueError, KeyError, TypeError):
        pass
    link.end("refused with %d: %s" % (status, body))


def on_closed(link, code, reason):
    """Ends a link that was closed with a code, by the gateway or for a broken rule."""
    from .messages import REFUSALS

    link.is_refused = link.is_refused or code in REFUSALS
    link.is_restart = code in RESTARTS
    link.end("closed with %d %s" % (code, reason))
