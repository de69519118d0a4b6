"""Tables on a narrow terminal: names stay whole."""

from __future__ import annotations

import pytest
import rich.console

from darvaz.cli.tables import show

ROWS = [
    {
        "device": "virtual-pico-1",
        "kind": "pico",
        "state": "online",
        "address": "127.0.0.1",
        "commands": "led(on) pan(angle)",
    }
]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    make = rich.console.Console
    monkeypatch.setattr(rich.console, "Console", lambda: make(force_terminal=True, color_system=None))


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("columns", ["20", "40", "80", "200"])
def test_a_name_is_never_broken(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    show(ROWS, ROWS)

    shown = capsys.readouterr().out
    assert "virtual-pico-1" in shown and "online" in shown and "127.0.0.1" in shown
    assert max(map(len, shown.splitlines())) <= max(int(columns), 30)
