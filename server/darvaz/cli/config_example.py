"""A darvaz.toml with every setting, its description and its default, all of them commented out."""

from __future__ import annotations

import json
import textwrap

from darvaz.gateway.settings import Settings, describe, expected, hints, is_list

_WIDTH = 100
_HEAD = """\
# Settings of the Darvaz gateway. Each line that begins with `# name = value` shows a default;
# remove the `# ` and change the value. Options and DARVAZ_... variables win over this file.
# `darvaz config` checks it, and shows where each value comes from.
"""


def config_example() -> str:
    """Returns the text of the file, which is valid TOML; so is each line without its `# `."""
    defaults = Settings()
    parts = [_HEAD]
    for name, hint in hints().items():
        about = describe(hint) if expected(hint) == "a text" else f"{describe(hint)} {expected(hint).capitalize()}."
        comment = textwrap.fill(about, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
        default = getattr(defaults, name)
        value = "[]" if is_list(hint) and not default else _toml(default)
        parts.append(f"{comment}\n# {name} = {value}\n")
    return "\n".join(parts)


def _toml(value: bool | float | str) -> str:
    """Returns a value in TOML, which has the strings and truth values of JSON."""
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)
