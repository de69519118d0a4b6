"""Watches a release on trial until it is good or must restart, and counts a start that lives a minute as one.

Good is: an authenticated link was held for a minute, and the program's own `healthy()`, if it has one, agreed.
"""

import asyncio
import sys

import darvaz_loader

from . import unload

GOOD_MS = 60000
# Until then a start must be good.
TRIAL_MS = 300000
HEALTHY_MS = 10000
# How long `healthy()` may disagree, once the link was held.
UNHEALTHY_MS = 30000
LOOK_MS = 500


def describe():
    """Returns what the field `program` of the connect message says of the release."""
    state = darvaz_loader.read()
    name = state.get("state", "flashed")
    about = {
        "state": "trial" if name == "once" else name,
        "release": state.get("release", ""),
        "counter": state.get("counter", 0),
        "failed": state.get("failed", 0),
    }
    if state.get("reason"):
        about["reason"] = state["reason"]
    return about


def start(device):
    """Starts the watch where one is needed, and returns whether a release is on trial."""
    state = darvaz_loader.read()
    name = state.get("state")
    if name in ("trial", "once"):
        device.log.info("release %s on trial, start %d" % (state.get("release"), state.get("tries", 0)))
        asyncio.create_task(_watch(device, name == "trial"))
        return True
    if name == "safe_mode":
        device.log.error("safe mode: the program is left out. " + state.get("reason", ""))
    elif state.get("deaths"):
        asyncio.create_task(_forgive(device))
    return False


async def _forgive(device):
    await asyncio.sleep_ms(GOOD_MS)
    state = darvaz_loader.read()
    state["deaths"] = 0
    darvaz_loader.write(state)


async def _watch(device, is_trial):
    started_ms = device.uptime_ms()
    asked_ms = None
    reason = "the gateway was not reached, or not for a minute"
    while True:
        await asyncio.sleep_ms(LOOK_MS)
        now_ms = device.uptime_ms()
        link = device.link
        if link.is_online and now_ms - link.opened_ms >= GOOD_MS:
            answer = await _ask_healthy()
            if answer is None:
                break
            reason = answer
            asked_ms = asked_ms or now_ms
        if now_ms - started_ms >= TRIAL_MS or (asked_ms is not None and now_ms - asked_ms >= UNHEALTHY_MS):
            _give_up(device, reason)
            return
    if is_trial:
        _confirm(device)


async def _ask_healthy():
    """Returns why the program is not well; None if it is, or does not say."""
    function = getattr(__import__("__main__"), "healthy", None)
    if function is None:
        return None
    try:
        answer = function()
        if hasattr(answer, "send"):
            answer = await asyncio.wait_for_ms(answer, HEALTHY_MS)
    except asyncio.TimeoutError:
        return "healthy() did not return in %d s" % (HEALTHY_MS // 1000)
    except Exception as error:  # noqa: BLE001 (it is the maker's)
        return "healthy() failed: %r" % error
    return None if answer else "healthy() returned %r" % answer


def _confirm(device):
    state = darvaz_loader.read()
    state["state"] = "good"
    state["tries"] = state["deaths"] = 0
    darvaz_loader.write(state)
    device.log.info("release %s is good" % state.get("release"))
    device.send({"type": "update_state", "status": "ok", "state": "good", "counter": state["counter"]})


def _give_up(device, reason):
    state = darvaz_loader.read()
    state["error"] = reason
    darvaz_loader.write(state)
    device.log.error("release %s: %s" % (state.get("release"), reason))
    device.board.reset()


def retry():
    """Gives a program that was left out another chance, before a restart that somebody asked for."""
    state = darvaz_loader.read()
    before = str(state)
    darvaz_loader.retry(state)
    if state.get("slot") is not None and str(state) != before:
        darvaz_loader.write(state)


def leave():
    """Unloads what is needed for moments."""
    sys.modules.pop("darvaz_loader", None)
    unload("trial")
