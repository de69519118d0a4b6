"""`darvaz service`: the unit that it writes is one that systemd accepts, and its errors are sentences."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from darvaz.cli import cli
from darvaz.cli.service_unit import system_unit, user_unit

ROOT = Path(__file__).resolve().parents[3]
# In tenths, as systemd compares it; it says 1.7 today. 2.0 and below is "OK".
EXPOSURE_MAX = 20
# Notes each call, and answers `show`; the tests have no systemd of their own to run services in.
SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in
*missing*) exit 5 ;;
*show*) printf '%s\\n' "$SHOWN" ;;
esac
"""


def analyze(*arguments: str, runtime: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        # Not a must of continuous integration: its package may change more of a machine than a test should.
        pytest.skip("NOT CHECKED: systemd-analyze is not installed, so systemd's own check of the unit is left out")
    env = {**os.environ, "XDG_RUNTIME_DIR": str(runtime)}
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, env=env, check=False
    )


def written(unit: str, folder: Path) -> str:
    file = folder / "darvaz.service"
    file.write_text(unit)
    return str(file)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs verbs with a home of their own and a `systemctl` that only notes."""
    tool = tmp_path / "bin" / "systemctl"
    tool.parent.mkdir()
    tool.write_text(SYSTEMCTL)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return CliRunner()


def service(run: CliRunner, *arguments: str) -> Result:
    return run.invoke(cli, ["service", *arguments])


def test_systemd_accepts_the_unit_of_the_machine(tmp_path: Path) -> None:
    done = analyze("verify", "--man=no", written(system_unit(["/bin/true"]), tmp_path), runtime=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_accepts_the_unit_of_a_user(tmp_path: Path) -> None:
    unit = user_unit(["/bin/true"], "/home/a b/darvaz.toml")
    done = analyze("verify", "--man=no", "--user", written(unit, tmp_path), runtime=tmp_path)

    assert "darvaz.service" not in done.stderr


def test_the_service_of_the_machine_has_few_rights(tmp_path: Path) -> None:
    unit = written(system_unit(["/bin/true"]), tmp_path)
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", unit, runtime=tmp_path)

    assert done.returncode == 0, done.stdout


def test_the_unit_in_the_tree_is_the_one_that_is_installed() -> None:
    assert (ROOT / "deploy/systemd/darvaz.service").read_text() == system_unit()


def test_a_command_with_odd_characters_is_one_argument_of_systemd() -> None:
    text = user_unit(['/home/a b/100%"$X/darvaz'], "/c.toml")

    assert 'ExecStart="/home/a b/100%%\\"$$X/darvaz" serve --config /c.toml' in text


def test_a_dry_run_prints_files_and_commands_and_writes_nothing(run: CliRunner, tmp_path: Path) -> None:
    printed = service(run, "install", "--dry-run").output
    for_user = service(run, "install", "--user", "--dry-run").output

    assert "# /etc/systemd/system/darvaz.service" in printed and "DynamicUser=yes" in printed
    assert "$ systemctl enable --now darvaz.service" in printed
    assert f"# {tmp_path}/config/systemd/user/darvaz.service" in for_user and "DynamicUser" not in for_user
    assert "$ systemctl --user daemon-reload" in for_user
    assert not (tmp_path / "config").exists() and not (tmp_path / "calls").exists()


def test_installing_and_removing_a_service_of_a_user_leaves_settings(run: CliRunner, tmp_path: Path) -> None:
    unit, config = tmp_path / "config/systemd/user/darvaz.service", tmp_path / "config/darvaz/darvaz.toml"

    installed = service(run, "install", "--user")
    was_written = unit.exists()
    removed = service(run, "uninstall", "--user")

    assert (installed.exit_code, removed.exit_code, was_written) == (0, 0, True)
    assert not unit.exists()
    assert f'data = "{tmp_path}/share/darvaz"' in config.read_text()
    assert (tmp_path / "calls").read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now darvaz.service",
        "--user disable --now darvaz.service",
        "--user daemon-reload",
    ]


def test_settings_that_exist_are_not_replaced(run: CliRunner, tmp_path: Path) -> None:
    config = tmp_path / "config/darvaz/darvaz.toml"
    config.parent.mkdir(parents=True)
    config.write_text("port = 4000\n")

    service(run, "install", "--user")

    assert config.read_text() == "port = 4000\n"


@pytest.mark.parametrize(
    ("shown", "status", "sentence"),
    [
        ("LoadState=not-found", 3, "is not installed"),
        ("LoadState=loaded\nActiveState=failed\nSubState=failed\nNRestarts=2", 3, "Why: journalctl -u darvaz"),
        ("LoadState=loaded\nActiveState=active\nSubState=running\nStatusText=3 of 4\x1b[2J", 0, "3 of 4\\x1b[2J"),
    ],
)
def test_status_says_whether_it_runs(
    run: CliRunner, shown: str, status: int, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOWN", shown)

    result = service(run, "status")
    as_json = service(run, "status", "--json")

    assert result.exit_code == as_json.exit_code == status
    assert sentence in result.output
    assert json.loads(as_json.output)["active"] == (status == 0)


def test_removing_a_service_that_is_not_there_is_a_sentence(run: CliRunner) -> None:
    result = service(run, "uninstall", "--user")

    assert result.exit_code == 1
    assert "was not installed by `darvaz service`" in result.output


def test_without_systemd_the_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    result = CliRunner().invoke(cli, ["service", "status"])

    assert result.exit_code == 1
    assert re.search("has no systemd", result.output)


def test_a_machine_that_something_else_runs_is_told_so(run: CliRunner, tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "systemctl"
    tool.write_text("#!/bin/sh\necho 'System has not been booted with systemd as init system (PID 1).' >&2\nexit 1\n")

    result = service(run, "status")

    assert "systemd does not run this machine" in result.output
    assert result.exit_code == 1
