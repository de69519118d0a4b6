"""The devices that words of people name: a device, a label, a group, a kind, or all."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from darvaz.gateway.http.problems import problem
from darvaz.gateway.parts import Parts


async def find_devices(parts: Parts, names: list[str]) -> dict[str, None] | Response:
    """Returns the devices that words name, each once, or the problem of a word that names none."""
    known = parts.devices.after("")
    by_word: dict[str, list[str]] = {"all": known}
    await parts.long_work.collect(map(partial(_note_words, parts, by_word), known))
    devices: dict[str, None] = {}
    for name in names:
        device = parts.protocol.device_ids.find(name)
        found = [device] if name != "all" and parts.devices.get(device) else _named(parts, name, by_word)
        if not found:
            return problem(404, "unknown_device", f"no device, label, group or kind is called {name!r}")
        devices.update(dict.fromkeys(found))
    return devices


def _note_words(parts: Parts, by_word: dict[str, list[str]], device: str) -> None:
    """Puts a device under its kind, and its label where no kind is called so."""
    known = parts.devices.get(device)
    kind = parts.hub.kind_of(device)
    words = {kind, known.label if known is not None and known.label not in parts.protocol.kinds else None}
    for word in words - {None, "all"}:
        by_word.setdefault(word, []).append(device)  # type: ignore[arg-type]


def _named(parts: Parts, name: str, by_word: dict[str, list[str]]) -> list[str]:
    """Returns the devices of all, of a kind, a group or a label."""
    of_word = by_word.get(name, [])
    return of_word if name == "all" or name in parts.protocol.kinds else parts.groups.members(name) or of_word
