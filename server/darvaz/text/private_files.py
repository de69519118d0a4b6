"""Files in the user's own folder that keep a secret: a login, a Wi-Fi. Only their owner can read them."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_APP = "darvaz"
_FOLDER_MODE = 0o700
_OTHERS = 0o077


class NotPrivateError(OSError):
    """Others may read the file."""


def config_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Returns our folder below the one that this system has for settings of a user.

    XDG Base Directory Specification 0.8: an empty or relative XDG_CONFIG_HOME counts as unset.
    """
    if sys.platform in ("win32", "darwin"):
        import click

        return Path(click.get_app_dir(_APP))
    environment = os.environ if environment is None else environment
    configured = environment.get("XDG_CONFIG_HOME", "")
    return Path(configured if os.path.isabs(configured) else os.path.expanduser("~/.config")) / _APP


def state_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Returns our folder below the one for states of programs (XDG Base Directory Specification 0.8)."""
    environment = os.environ if environment is None else environment
    configured = environment.get("XDG_STATE_HOME", "")
    return Path(configured if os.path.isabs(configured) else os.path.expanduser("~/.local/state")) / _APP


def read_private(path: Path) -> Any:
    """Returns the JSON of a file; raises `NotPrivateError` where others may read it, `OSError` or `ValueError`."""
    with path.open("rb") as file:
        if sys.platform != "win32" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & _OTHERS:
            raise NotPrivateError(f"others may read {path}")
        return json.load(file)


def write_private(path: Path, content: Any) -> None:
    """Writes JSON into a file that only its owner can read, whole or not at all; raises `OSError`."""
    # Here, because it takes long to load, and few commands write.
    import tempfile

    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    # mkstemp makes it with mode 0600.
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
