"""The loader: starts a release on trial, goes back where it fails, and leaves out a program that always dies.

A release lies in one of two folders; the program that was flashed by USB stays in the root and is never written over
the air. /program.json says which one runs, and is replaced as a whole: a power cut leaves it old or new. boot.py calls
`choose` at each start, and main.py of a release calls `run`.

The file has: `slot`, the folder that runs ("" is the root), and `other`, the one to go back to; `state`: trial, once
(like trial, for one start), good, fell_back or safe_mode; `tries`, starts of a trial; `deaths`, starts in a row that
ended in the first minute; `error`, how the last one ended; `reason`, why it fell back; `counter` of the newest update
and `failed`, that of one that fell back; `release` and `other_release`, their names.
"""

import json
import os
import sys

STATE = "/program.json"
SLOTS = ("/app_a", "/app_b")
TRIES_MAX = 3
DEATHS_MAX = 3
# The longest of an RP2040: a start that blocks for longer ends.
WATCHDOG_MS = 8000
# Ctrl-C for the prompt.
PAUSE_S = 5
REASON_CHARS_MAX = 800


def read():
    """Returns what runs as a dictionary; empty where nothing was ever updated."""
    try:
        with open(STATE) as file:
            state = json.load(file)
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) and state.get("slot") in ("",) + SLOTS else {}


def write(state):
    """Replaces the file as a whole."""
    with open(STATE + ".new", "w") as file:
        json.dump(state, file)
    os.rename(STATE + ".new", STATE)


def choose():
    """Enters the folder of the program that is to run now."""
    state = read()
    if not state:
        return
    _count(state)
    slot = state["slot"]
    is_safe = state["state"] == "safe_mode"
    if is_safe:
        # The main.py of a release starts the library alone.
        slot = next(folder for folder in SLOTS if _has_main(folder))
    if slot:
        os.chdir(slot)
        sys.path[:] = [".frozen", "/lib", "/"] if is_safe else ["", slot + "/lib", ".frozen", "/lib", "/"]


def _count(state):
    name, before = state["state"], str(state)
    is_dead = state.pop("is_dead", False) or _cause("WDT_RESET")
    if name in ("trial", "once"):
        tries_max = TRIES_MAX if name == "trial" else 1
        if state["tries"] >= tries_max or not _has_main(state["slot"]):
            _fall_back(state, state.get("error") or "it was not found good in %d starts" % state["tries"])
        else:
            state["tries"] += 1
    elif name == "safe_mode":
        if _cause("PWRON_RESET"):
            retry(state)
    elif not is_dead:
        state["deaths"] = 0
    else:
        state["deaths"] = state.get("deaths", 0) + 1
        if state["deaths"] >= DEATHS_MAX and any(_has_main(folder) for folder in SLOTS):
            state["state"] = "safe_mode"
            state["reason"] = state.get("error") or "it was reset %d times in its first minute" % DEATHS_MAX
    if str(state) != before:
        write(state)


def retry(state):
    """Gives a program that was left out its starts again."""
    if state.get("state") == "safe_mode":
        state["state"] = "fell_back" if state.get("failed") else "good"
    state["deaths"] = 0
    state["error"] = ""


def _fall_back(state, reason):
    state["slot"], state["release"] = state["other"], state.get("other_release", "")
    state["state"], state["reason"], state["failed"] = "fell_back", reason, state["counter"]
    state["tries"] = state["deaths"] = 0
    state["error"] = ""


def _has_main(folder):
    try:
        os.stat(folder + "/main.py")
        return True
    except OSError:
        return False


def _cause(name):
    try:
        import machine

        return machine.reset_cause() == getattr(machine, name)
    except (ImportError, AttributeError):
        return False


def run(scope):
    """Runs the program of the folder entered, or in safe mode the library alone; restarts the board if it raises."""
    state = read().get("state")
    try:
        if state in ("trial", "once"):
            import machine

            # A program that blocks ends by it; the library feeds it.
            machine.WDT(timeout=WATCHDOG_MS)
        if state == "safe_mode":
            import board

            from darvaz import Device

            Device(board).run()
            return
        with open("program.py") as file:
            text = file.read()
        code = compile(text, "main.py", "exec")
        del text
        exec(code, scope)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 (whatever a program raises, the board is to come back)
        fail(error)


def note(error):
    """Keeps how a release ended, for the next start."""
    import io

    text = io.StringIO()
    sys.print_exception(error, text)
    state = read()
    if state:
        state["error"] = text.getvalue()[-REASON_CHARS_MAX:]
        state["is_dead"] = True
        write(state)


def fail(error):
    """Shows and keeps how a release ended, and restarts the board after a pause."""
    import gc
    import time

    import machine

    gc.collect()
    sys.print_exception(error)
    note(error)
    try:
        from darvaz import crash

        crash.keep(None, error, "start")
    except Exception as failure:  # noqa: BLE001 (the library of the release may be what is broken)
        print("no crash report:", failure)
    print("the board restarts in %d s; Ctrl-C for the prompt" % PAUSE_S)
    time.sleep(PAUSE_S)
    machine.reset()
