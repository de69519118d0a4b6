"""Which gateway is tried next, and when. Loaded between two links; what must be remembered is with the supervisor."""

import random

from .backoff import Backoff

# After this many connections in a row without any answer the Wi-Fi is suspected, not the gateway.
REJOIN_AFTER = 3
# A radio that fails this often to start needs a reset; a gateway that is away never causes one.
RADIO_FAULTS_MAX = 5
# A board that was online this recently retries soon while its gateway is being restarted.
RECENT_MS = 3600000


def new_history(urls):
    """Returns what a supervisor remembers of its links; `urls` are the addresses of the configuration."""
    from .opening import parse_url

    return {
        # [parsed address, uptime before which it wants no connection]; one that did not greet becomes the last.
        "gateways": [[parse_url(url), 0] for url in urls],
        # In a row: failures as Backoff counts them, connections without an answer, starts of the radio that failed.
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
    for entry in history["gateways"]:
        if entry[1] <= now_ms:
            return entry
    return min(history["gateways"], key=lambda entry: entry[1])


def fail(history, is_restart=False):
    """Returns how long to wait after an attempt that failed, in milliseconds."""
    return _with_backoff(history, lambda backoff: backoff.fail(is_restart))


def conclude(history, link, entry, now_ms):
    """Returns how long to wait after a link to the gateway of an entry, in milliseconds."""
    link.log.warning("gateway %s: %s" % (entry[0][1], link.end_reason))
    if link.opened_ms is not None:
        _with_backoff(history, lambda backoff: backoff.held(now_ms - link.opened_ms))
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
    wait_ms = _with_backoff(history, lambda backoff: backoff.refuse(link.retry_after_s))
    entry[1] = now_ms + wait_ms
    if len(history["gateways"]) == 1:
        return wait_ms
    soonest_ms = min(each[1] for each in history["gateways"]) - now_ms
    return max(soonest_ms, fail(history))


def _with_backoff(history, act):
    backoff = Backoff(random.randrange)
    backoff.failures = history["failures"]
    wait_ms = act(backoff)
    history["failures"] = backoff.failures
    return wait_ms
