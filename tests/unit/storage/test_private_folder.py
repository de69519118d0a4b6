"""A data folder that was there before is made private, unless it has another purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from darvaz.gateway.storage.private_folder import make_private


def folder_of(tmp_path: Path, mode: int) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(mode)
    return folder


def mode_of(folder: Path) -> int:
    return folder.stat().st_mode & 0o7777


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o711, 0o777, 0o701])
def test_folder_that_others_may_enter_is_made_private_and_told(tmp_path: Path, mode: int) -> None:
    folder = folder_of(tmp_path, mode)

    remark = make_private(folder)

    assert mode_of(folder) == 0o700
    assert remark is not None and f"{mode:o}" in remark and "700" in remark
    assert make_private(folder) is None


def test_folder_of_everybody_is_left_as_it_is_and_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 0o1777)

    assert "folder of its own" in (make_private(folder) or "")
    assert mode_of(folder) == 0o1777


@pytest.mark.parametrize("purpose", ["home", "working folder"])
def test_folder_with_another_purpose_is_left_as_it_is_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, purpose: str
) -> None:
    folder = folder_of(tmp_path, 0o755)
    if purpose == "home":
        monkeypatch.setenv("HOME", str(folder))
    else:
        monkeypatch.chdir(folder)

    assert "folder of its own" in (make_private(folder) or "")
    assert mode_of(folder) == 0o755
