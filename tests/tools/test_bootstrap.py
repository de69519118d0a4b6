"""`make` prepares `.venv` itself, or says in one sentence why it cannot."""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tools import bootstrap, pip_progress
from tools.bootstrap import Environment
from tools.pip_progress import InstallError

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout that has a pyproject.toml and nothing else."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / ".cache").mkdir()
    return tmp_path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The extras of each run of pip, and `["venv"]` for each environment that was created."""
    monkeypatch.delenv("INSTALL_LOCKED", raising=False)
    made: list[list[str]] = []

    def create(environment: Environment) -> None:
        fake_environment(environment.folder)
        environment._stamp = dict(environment._here(), installed={})
        made.append(["venv"])

    monkeypatch.setattr(Environment, "_create", create)
    monkeypatch.setattr(bootstrap, "install", lambda python, root, extras: made.append(extras))
    return made


def fake_python(file: Path, version: str = "3.13", prefix: Path | str = "/usr", *, can_create: bool = True) -> Path:
    """Writes a program that answers as a Python of this version and prefix."""
    file.parent.mkdir(parents=True, exist_ok=True)
    ensurepip = "" if can_create else 'case "$*" in *ensurepip*) exit 1;; esac\n'
    file.write_text(f"#!/bin/sh\n{ensurepip}echo {version}\necho '{prefix}'\n")
    file.chmod(0o755)
    return file


def fake_environment(folder: Path, version: str = "3.13", prefix: Path | None = None) -> None:
    folder.mkdir()
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    fake_python(folder / "bin" / "python", version, prefix or folder)


def prepare(root: Path, *extras: str) -> None:
    assert bootstrap.main(list(extras), root) == 0


def test_the_first_run_creates_the_environment_and_the_second_one_does_nothing(
    root: Path, calls: list[list[str]]
) -> None:
    prepare(root)
    prepare(root)

    assert calls == [["venv"], []]


def test_an_extra_is_installed_when_a_target_needs_it(root: Path, calls: list[list[str]]) -> None:
    prepare(root)
    prepare(root, "simulate")
    prepare(root, "simulate")
    prepare(root, "test", "lint")
    prepare(root, "flash")

    assert calls == [["venv"], [], ["simulate"], ["test", "lint"]]


def test_a_changed_pyproject_is_installed_again(root: Path, calls: list[list[str]]) -> None:
    prepare(root, "simulate")
    (root / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    prepare(root)
    prepare(root, "simulate")

    assert calls == [["venv"], ["simulate"], [], ["simulate"]]


def test_an_environment_that_was_made_by_hand_is_used(root: Path, calls: list[list[str]]) -> None:
    fake_environment(root / ".venv")

    prepare(root)

    assert calls == [[]]


def broken(folder: Path) -> None:
    fake_environment(folder)
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to("/nowhere/python3")


def too_old(folder: Path) -> None:
    fake_environment(folder, version="3.10")


def moved_by_hand(folder: Path) -> None:
    fake_environment(folder)
    (folder / "bin" / "pip").write_text("#!/home/somebody/.venv/bin/python\n")


def moved_with_its_checkout(folder: Path) -> None:
    fake_environment(folder)
    stamp = {**Environment(folder.parent)._here(), "folder": "/home/somebody/darvaz/.venv", "installed": {}}
    (folder / "darvaz.json").write_text(json.dumps(stamp))


def from_another_machine(folder: Path) -> None:
    fake_environment(folder)
    stamp = {**Environment(folder.parent)._here(), "machine": "linux-riscv64", "installed": {}}
    (folder / "darvaz.json").write_text(json.dumps(stamp))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (broken, "is broken"),
        (too_old, "has Python 3.10"),
        (moved_by_hand, "was moved"),
        (moved_with_its_checkout, "was moved"),
        (from_another_machine, "is of another machine (linux-riscv64)"),
    ],
)
def test_an_environment_that_cannot_be_used_is_created_again(
    make: object, reason: str, root: Path, calls: list[list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert callable(make)
    make(root / ".venv")

    prepare(root)

    assert calls == [["venv"], []]
    assert capfd.readouterr().out == f".venv {reason}: creating it again.\n"


def test_a_folder_that_is_not_an_environment_stays(
    root: Path, calls: list[list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    (root / ".venv").mkdir()
    (root / ".venv" / "thesis.txt").write_text("two years")

    assert bootstrap.main([], root) == 1

    assert capfd.readouterr().err == ".venv is not a virtual environment: move it away, then try again.\n"
    assert (root / ".venv" / "thesis.txt").exists() and calls == []


def test_a_link_to_an_environment_elsewhere_stays(
    root: Path, calls: list[list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    fake_environment(root / "elsewhere")
    (root / ".venv").symlink_to(root / "elsewhere")

    assert bootstrap.main([], root) == 1

    assert ".venv is a link to" in capfd.readouterr().err
    assert (root / "elsewhere" / "pyvenv.cfg").exists() and calls == []


def test_an_old_python_hands_over_to_a_newer_one_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setenv("PATH", str(tmp_path))
    newer = fake_python(tmp_path / "python3.12", "3.12")
    # A launcher of a version that is not installed.
    (tmp_path / "python3.13").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "python3.13").chmod(0o755)

    assert bootstrap._find_python() == str(newer)


def test_an_old_python_alone_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(InstallError, match=r"^Darvaz needs Python 3\.11 or newer, and \S+ is 3\.9: .*\.\.\.$"):
        bootstrap._find_python()


def test_a_python_without_ensurepip_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 11, 2))
    monkeypatch.setattr(sys, "executable", str(fake_python(tmp_path / "python3", "3.11", can_create=False)))

    with pytest.raises(InstallError, match=r"lacks the module ensurepip.*: sudo apt install python3\.11-venv"):
        bootstrap._find_python()


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        (
            "NewConnectionError: Temporary failure in name resolution\nERROR: No matching distribution found for x",
            "net",
        ),
        ("ERROR: Could not install: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: No matching distribution found for uvloop<1", "There is no uvloop<1 for this Python and this machine"),
    ],
)
def test_a_pip_that_fails_is_one_sentence(log: str, sentence: str) -> None:
    explained = pip_progress.explain(f"Collecting x\n{log}\n")

    assert sentence in explained
    assert "\n" not in explained


def test_another_failure_of_pip_shows_its_last_lines() -> None:
    assert pip_progress.explain("Collecting x\nERROR: broken wheel\n").splitlines()[-1] == "ERROR: broken wheel"


def test_progress_is_shown_and_warnings_go_to_the_log(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    python = root / "python"
    python.write_text("#!/bin/sh\necho Collecting uvloop\necho WARNING: old\necho WARNING: older >&2\n")
    python.chmod(0o755)

    pip_progress.install(python, root, ["simulate"])

    shown = capfd.readouterr()
    assert re.fullmatch(r"(Installing Darvaz with what simulate needs) \.\.\.\n\1: done in \d+ s\.\n", shown.out)
    assert shown.err == ""
    assert "WARNING: older" in (root / pip_progress.LOG).read_text()


def test_the_bootstrap_knows_which_extras_contain_others() -> None:
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    contained = {
        name: tuple(found[1].split(","))
        for name, lines in extras.items()
        for line in lines
        if (found := re.fullmatch(r"darvaz\[(.*)\]", line))
    }

    assert contained == bootstrap.CONTAINED


@pytest.mark.parametrize("module", [bootstrap, pip_progress])
def test_the_bootstrap_can_be_read_by_python_3_6(module: object) -> None:
    ast.parse(Path(str(getattr(module, "__file__", ""))).read_text(), feature_version=(3, 6))


def test_the_lock_is_installed_first_where_it_is_asked_for(
    root: Path, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "install_locked", lambda python, root, extras: calls.append(["lock", *extras]))
    monkeypatch.setenv("INSTALL_LOCKED", "yes")

    prepare(root, "test")
    prepare(root, "test")

    assert calls == [["venv"], ["lock", "test"]]


@pytest.mark.parametrize(("uv", "installers"), [("works", ["pip", "uv", "uv"]), ("fails", ["pip", "uv", "pip", "pip"])])
def test_the_lock_is_installed_by_uv_or_else_by_pip(
    uv: str, installers: list[str], root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / pip_progress.LOCK).write_text(
        "urllib3==2 \\\n    --hash=1\nuv==0.9 \\\n    --hash=2\nuvicorn==1 \\\n    --hash=3\n"
    )
    fails = 'case "$2" in uv) exit 1;; esac\n' if uv == "fails" else ""
    python = root / "python"
    python.write_text(f'#!/bin/sh\necho "$2 $*" >> calls\n{fails}')
    python.chmod(0o755)

    pip_progress.install_locked(python, root, ["test"])

    calls = (root / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == installers
    assert all("--require-hashes --requirement" in call for call in calls[:-1])
    assert calls[-1].endswith("--editable .[test]")
    assert (root / ".cache/uv.lock").read_text() == "uv==0.9 \\\n    --hash=2\n"
    assert ("By pip, since uv could not" in capfd.readouterr().out) == (uv == "fails")
