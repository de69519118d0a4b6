"""The file darvaz.toml: where it is looked for, and what it says."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIG_NAME = "darvaz.toml"
CONFIG_VARIABLE = "DARVAZ_CONFIG"
# The table of a maker's project (docs/your-project.md), whose file has this name, too; it is for other verbs.
PROGRAM_TABLE = "program"
CONFIG_BYTES_MAX = 1_048_576
SYSTEM_CONFIG = Path("/etc/darvaz") / CONFIG_NAME


class ConfigError(Exception):
    """The file cannot be used; the text names it and says why."""


def find_config(given: str | None = None, environ: Mapping[str, str] | None = None) -> Path | None:
    """Returns the file with the settings: the one that is given, else the first that exists; None without one.

    It is looked for in the working directory, in the user's folder for settings (XDG 0.8), and in /etc/darvaz. A file
    that only describes a maker's project is none.
    """
    environ = os.environ if environ is None else environ
    named = given or environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named).expanduser()
    return next((path for path in _candidates(environ) if path.is_file() and not _is_of_a_project(path)), None)


def read_config(path: Path) -> dict[str, Any]:
    """Returns the keys and values of a file; raises `ConfigError`."""
    try:
        with path.open("rb") as file:
            data = file.read(CONFIG_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > CONFIG_BYTES_MAX:
        raise ConfigError(f"{path} has more than {CONFIG_BYTES_MAX} bytes: it is not a file of settings")
    try:
        # Editors of Windows put a byte order mark before UTF-8.
        values = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None
    values.pop(PROGRAM_TABLE, None)
    return values


def _is_of_a_project(path: Path) -> bool:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig")).keys() == {PROGRAM_TABLE}
    except (OSError, ValueError):
        # What is wrong with it is told when it is read.
        return False


def _candidates(environ: Mapping[str, str]) -> list[Path]:
    configured = environ.get("XDG_CONFIG_HOME", "")
    users = configured if os.path.isabs(configured) else os.path.expanduser("~/.config")
    return [Path(CONFIG_NAME), Path(users) / "darvaz" / CONFIG_NAME, SYSTEM_CONFIG]
