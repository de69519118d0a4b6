"""Runs pip, or uv, for the bootstrap: one line of progress, one sentence if it fails; their output goes to a file."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import List, TextIO

LOG = ".cache/install.log"
LOCK = "requirements.lock"
# What the lock says of uv, which installs the rest.
_UV = ".cache/uv.lock"
_UV_ENTRY = re.compile(r"^uv==(?:.*\\\n)*.*", re.MULTILINE)
# Where pip is told to look, as uv is told the same.
_UV_NAMES = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_FIND_LINKS": "UV_FIND_LINKS", "PIP_CERT": "SSL_CERT_FILE"}
_LAST_LINES = 5
_STEP = re.compile(r"^\s*(?:Collecting|Using cached|Downloading|Processing|Building wheels? for|Installing)\s+(\S+)")
_OFFLINE = re.compile(
    "NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|Network is unreachable|"
    "Temporary failure in name resolution|Connection refused|Cannot connect to proxy"
)
_PIP = ["pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
_NO_BUILD = re.compile(r"No matching distribution found for (\S+)")


class InstallError(Exception):
    """Nothing can be installed; the text says why and what to do."""


def install(python: Path, root: Path, extras: List[str]) -> None:
    """Installs the checkout with these extras; raises `InstallError`."""
    _run(python, root, [*_PIP, *_checkout(extras)], _title(extras))


def install_locked(python: Path, root: Path, extras: List[str]) -> None:
    """Installs the exact versions of the lock, each with the right hash, then the checkout; raises `InstallError`.

    uv does it in a fifth of pip's processor time. Where it cannot, because it knows only a part of pip's settings, pip
    does it.
    """
    locked, title = ["--require-hashes", "--requirement"], "Installing what " + LOCK + " names"
    uv = _UV_ENTRY.search((root / LOCK).read_text(encoding="utf-8"))
    try:
        if uv is None:
            raise InstallError(LOCK + " has no uv")
        (root / _UV).write_text(uv.group(0) + "\n", encoding="utf-8")
        _run(python, root, [*_PIP, *locked, _UV], "Installing uv")
        by_uv = ["uv", "pip", "install", "--no-progress", "--python", str(python)]
        _run(python, root, [*by_uv, "--no-deps", *locked, LOCK], title)
        _run(python, root, [*by_uv, *_checkout(extras)], _title(extras))
    except InstallError as error:
        print("By pip, since uv could not: {}".format(error), flush=True)
        _run(python, root, [*_PIP, *locked, LOCK], title)
        install(python, root, extras)


def _checkout(extras: List[str]) -> List[str]:
    return ["--editable", ".[{}]".format(",".join(extras)) if extras else "."]


def _title(extras: List[str]) -> str:
    return "Installing Darvaz{}".format(" with what {} needs".format(", ".join(extras)) if extras else "")


def _run(python: Path, root: Path, command: List[str], title: str) -> None:
    """Runs a module of the environment with what follows its name; raises `InstallError`."""
    # With the default of five, a machine without network waits for a long time.
    environ = dict({"PIP_RETRIES": "2"}, **os.environ)
    for name, same in _UV_NAMES.items():
        if name in environ:
            environ.setdefault(same, environ[name])
    start_s = time.monotonic()
    log = root / LOG
    with log.open("w", encoding="utf-8", errors="replace") as file:
        with subprocess.Popen(
            [str(python), "-m", *command],
            cwd=str(root), env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
            errors="replace",
        ) as process:  # fmt: skip
            _follow(process, file, title)
    if process.returncode != 0:
        raise InstallError(explain(log.read_text(encoding="utf-8", errors="replace")))
    print(f"{title}: done in {time.monotonic() - start_s:.0f} s.", flush=True)


def _follow(process: "subprocess.Popen[str]", log: TextIO, title: str) -> None:
    is_terminal = sys.stdout.isatty()
    if not is_terminal:
        print(f"{title} ...", flush=True)
    start_s = time.monotonic()
    assert process.stdout is not None
    step = ""
    for line in process.stdout:
        log.write(line)
        found = _STEP.match(line)
        if found is not None:
            step = found.group(1)
        if is_terminal:
            sys.stdout.write(f"\r{title} ... {time.monotonic() - start_s:.0f} s {step[:30]}\033[K")
            sys.stdout.flush()
    if is_terminal:
        sys.stdout.write("\r\033[K")
        sys.stdout.flush()


def explain(log: str) -> str:
    """Returns what to say about a pip that failed."""
    if _OFFLINE.search(log):
        return f"Python's package index cannot be reached: check the network, then try again. (Details: {LOG})"
    if "No space left on device" in log:
        return f"The disk is full: free some space, then try again. (Details: {LOG})"
    no_build = _NO_BUILD.search(log)
    if no_build is not None:
        return f"There is no {no_build.group(1)} for this Python and this machine. (Details: {LOG})"
    last = [line for line in log.splitlines() if line.strip()][-_LAST_LINES:]
    return "\n".join([f"the installation failed; all that it wrote is in {LOG}:", *last])
