"""The check of the dashboard's JavaScript on a machine without Node.js."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.lint_dashboard import main


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_without_node_the_check_is_skipped_and_fails_in_ci(
    ci: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", ci)

    assert main([]) == status

    assert capsys.readouterr().err == "dashboard: Node.js is not installed; its JavaScript is not checked\n"
