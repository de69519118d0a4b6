"""Why a link ended, in words: failures of the network, and refusals. Loaded when a link ends."""

import errno
import json

from .messages import REFUSALS

# Going away, hung up without a word, restarting (RFC 6455 section 7.4.1 and its registry of close codes).
RESTARTS = (1001, 1006, 1012)
# What a proxy answers whose gateway is away.
PROXY_RESTARTS = (502, 503, 504)


def on_failed(link, error):
    """Ends a link that an exception broke."""
    if isinstance(error, OSError):
        # A refusal comes from a machine: the network is well.
        if error.errno in (errno.ECONNREFUSED, errno.ECONNRESET):
            link.is_answered = link.is_restart = True
        reason = explain(error)
        # Mbed TLS has negative numbers. They do not tell a wrong key from a gateway without TLS.
        if isinstance(error.errno, int) and error.errno < 0:
            link.is_answered = True
            if link.uses_psk:
                reason += ": the gateway does not know this board's token, or offers no TLS-PSK; run `make flash` again"
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
    link.is_refused = link.is_refused or code in REFUSALS
    link.is_restart = code in RESTARTS
    link.end("closed with %d %s" % (code, reason))


def explain(error):
    """Returns the name of an error of the network, such as ECONNRESET, or its text."""
    return errno.errorcode.get(error.errno) or str(error)
