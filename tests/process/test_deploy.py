"""What is in deploy/: the container's files and its health check, and the add-on of Home Assistant."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from darvaz import __version__
from darvaz.gateway.integrations import NEEDS
from darvaz.gateway.settings import hints
from tests.support.gateway import GatewayProcess

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
ADDON = DEPLOY / "home-assistant/darvaz"
DOCKERFILES = [DEPLOY / "docker/Dockerfile", ADDON / "Dockerfile"]
DEADLINE_S = 60
INSTRUCTIONS = {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "RUN", "USER", "VOLUME"}


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Returns the instructions of a Dockerfile with their arguments, each on one line."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(words[0], words[1]) for line in lines if len(words := line.split(None, 1)) == 2]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=["container", "add-on"])
def test_a_dockerfile_has_known_instructions_and_copies_what_exists(dockerfile: Path) -> None:
    found = instructions(dockerfile)
    context = ROOT if dockerfile.parent.name == "docker" else dockerfile.parent
    sources = [words.split()[-2] for name, words in found if name == "COPY" and "--from" not in words]

    assert {name for name, _ in found} <= INSTRUCTIONS
    assert [source for source in sources if "*" not in source and not (context / source).exists()] == []
    assert all(":latest" not in words for name, words in found if name in ("FROM", "ARG"))


def test_each_package_has_what_the_settings_of_the_gateway_need() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    sources = [path.read_text() for path in (ROOT / "server/darvaz/gateway").rglob("*.py")]
    needed = {extra for _, extra in NEEDS.values()} | set(re.findall(r'how_to_install\("(\w+)"\)', "".join(sources)))
    installs = [*DOCKERFILES, ROOT / "tools/build_deb.py"]

    # Without the compiler, modules travel as source.
    assert needed and needed | {"updates"} <= set(re.findall(r"\w+", extras["service"][0]))
    assert [path.name for path in installs if "[service]" not in path.read_text()] == []


def test_the_container_runs_as_a_user_without_rights_and_has_a_volume_and_a_health_check() -> None:
    found = dict(instructions(DOCKERFILES[0]))

    assert found["USER"] == "10001"
    assert found["VOLUME"] == "/data"
    assert "health.py" in found["HEALTHCHECK"]
    assert json.loads(found["CMD"]) == ["serve"]


def test_the_image_is_made_without_secrets_of_the_checkout() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    # Everything is left out but what is named; then what people fill in is left out again.
    assert ignored[1] == "*"
    assert ignored[-2:] == ["**/config.json", "**/*.env"]


def test_the_compose_file_gives_the_container_few_rights() -> None:
    service: dict[str, Any] = yaml.safe_load((DEPLOY / "docker/compose.yaml").read_text())["services"]["darvaz"]

    assert (DEPLOY / "docker" / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["data:/data"]
    assert {name.removeprefix("DARVAZ_").lower() for name in service["environment"]} <= set(hints())
    # Without a value, it is that of the shell; an empty text would be one, too, for some tools.
    assert service["environment"]["DARVAZ_PUBLIC_URL"] is None
    assert service["healthcheck"]["test"].split() == json.loads(
        dict(instructions(DOCKERFILES[0]))["HEALTHCHECK"].partition("CMD")[2]
    )


@pytest.mark.parametrize("options", [[], ["--tls", "self-signed"]], ids=["http", "https"])
def test_the_health_check_of_the_container_asks_the_gateway(options: list[str]) -> None:
    with GatewayProcess(*options, probe=False) as gateway:
        done = check_health(gateway.port)

    assert (done.returncode, done.stdout) == (0, "")


def test_a_container_without_a_gateway_is_not_healthy() -> None:
    done = check_health(1)

    assert done.returncode == 1
    assert "does not answer" in done.stdout


def check_health(port: int) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "DARVAZ_PORT": str(port)}
    command = [sys.executable, "-I", str(DEPLOY / "docker/health.py")]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, env=env, check=False)


# The add-on


def test_the_addon_has_this_version_and_options_that_are_settings() -> None:
    config: dict[str, Any] = yaml.safe_load((ADDON / "config.yaml").read_text())

    assert config["version"] == __version__
    assert set(config["options"]) == set(config["schema"]) <= set(hints())
    assert config["ingress_port"] == 3000 and config["host_network"]
    # The Supervisor gives this argument a value of its own.
    assert "BUILD_FROM" not in {
        words.partition("=")[0] for name, words in instructions(DOCKERFILES[1]) if name == "ARG"
    }


def run(folder: Path, *words: str) -> str:
    """Runs the add-on's script on a folder of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DARVAZ_")}
    env |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "ADDON_DATA": str(folder)}
    shell = shutil.which("sh")
    assert shell is not None
    done = subprocess.run(
        [shell, str(ADDON / "run.sh"), *words], capture_output=True, text=True, timeout=DEADLINE_S, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_addon_starts_with_its_options(tmp_path: Path) -> None:
    options = {"log_level": "debug", "home_assistant_ingress": True, "public_url": "http://192.168.1.5:3000"}
    (tmp_path / "options.json").write_text(json.dumps(options))

    settings = json.loads(run(tmp_path, "config", "--json"))["settings"]

    assert {name: settings[name]["value"] for name in options} == options
    assert settings["data"]["value"] == f"{tmp_path}/gateway"
    assert settings["trusted_proxies"]["value"] == "172.30.32.2"


def test_a_backup_of_home_assistant_has_one_file_that_is_whole(tmp_path: Path) -> None:
    (tmp_path / "options.json").write_text("{}")
    with GatewayProcess(data=tmp_path / "gateway"):
        run(tmp_path, "backup")

    shutil.rmtree(tmp_path / "gateway")
    run(tmp_path, "restore", str(tmp_path / "darvaz-backup.tar"))

    assert (tmp_path / "gateway/darvaz.sqlite3").exists()
