"""Brings the compose file up with Podman and with Docker, as its user would, and the add-on as the Supervisor would.

All run in namespaces of their own: networks, firewall rules and mounts end with them, the port of the compose file is
free there, and the control groups of this machine need not be writable.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

COMPOSE_FILE = "deploy/docker/compose.yaml"
# What `ulimits` of the compose file wants; where this machine allows less, the container gets that.
_FILES_WANTED = 65_536
# Podman wants a million otherwise, which root of a small machine may not give.
_PROCESSES = 4_096
# Docker's client has a plug-in for compose files, or there is a program of that name.
_DOCKER = {"docker compose": "docker", "docker-compose": "docker-compose"}
_NAMESPACES = ("unshare", "--mount", "--cgroup", "--net", "sh", "-euc")
# What is mounted stays in the namespace: the containers' engine finds no control groups but empty ones.
_PRIVATE = """
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs none /run
mount -t tmpfs none /dev/shm
ip link set lo up
"""
_DOCKER_DAEMON = """
export DOCKER_HOST=unix:///run/docker.sock
dockerd --data-root {work}/docker --exec-root /run/docker --pidfile /run/docker.pid --host $DOCKER_HOST \\
    --storage-driver vfs >{work}/dockerd.log 2>&1 &
daemon=$!
trap 'kill $daemon; wait $daemon || true' EXIT
for turn in $(seq 30); do docker version >/dev/null 2>&1 && break; sleep 1; done
docker load --quiet --input {work}/darvaz.tar
"""
# What a person would type; the last word says that all of it worked.
_SCRIPT = """
ask() {{ python3 -c 'import urllib.request as r; r.urlopen("http://127.0.0.1:3000/health", timeout=4)' 2>/dev/null; }}
up() {{
    {compose} up --detach --no-build
    for turn in $(seq 30); do ask && break; sleep 1; done
    ask
}}
up
{compose} exec -T darvaz darvaz signin | tee {work}/signin
grep -q 'http://192.168.1.5:3000/sign-in#' {work}/signin
{compose} exec -T darvaz darvaz token issue pico --label kept
{compose} exec -T darvaz python3 /opt/darvaz/health.py
{compose} exec -T darvaz sh -c '! touch /opt/darvaz/file 2>/dev/null && grep -q "^CapBnd:.0*$" /proc/1/status'
{compose} stop
{compose} down
up
{compose} exec -T darvaz darvaz token list | grep kept
{compose} down --volumes
echo worked
"""
# Home Assistant's network of add-ons; the second container is the Supervisor, which passes a browser's request on to
# the network of the machine, where the add-on is.
_ADDON = """
podman network create --subnet 172.30.32.0/23 hassio
mkdir -p {work}/addon-data
echo '{{"home_assistant_ingress": true, "log_level": "info"}}' > {work}/addon-data/options.json
podman run {limits} --detach --name addon --network host --volume {work}/addon-data:/data addon
podman run {limits} --rm --network hassio --ip 172.30.32.2 base python3 -c '
import json, time, urllib.request as r
headers = {{"Host": "home.example.org:8123", "User-Agent": "Mozilla/5.0", "X-Ingress-Path": "/api/hassio_ingress/x",
    "X-Forwarded-For": "203.0.113.9, 172.30.32.1", "X-Forwarded-Proto": "https"}}
def ask(path):
    return r.urlopen(r.Request("http://172.30.32.1:3000" + path, headers=headers), timeout=4).read()
for turn in range(30):
    try:
        page = ask("/")
        break
    except OSError:
        time.sleep(1)
assert b"Darvaz" in page
assert json.loads(ask("/api/session"))["by"] == "home_assistant"
'
podman rm --force addon
podman network rm hassio
echo worked
"""


def try_addon(run: Callable[..., str], work: Path, settings: list[str]) -> None:
    """Runs the image `addon` in a network like Home Assistant's, and asks it as the Supervisor; needs Podman.

    `run` and `settings` are those of `try_compose`.
    """
    if shutil.which("podman") is None:
        print("THE ADD-ON WAS ASKED BY NO SUPERVISOR: apt install podman", file=sys.stderr)
        return
    limits = " ".join(f"--ulimit {name}={most}" for name, most in _limits().items())
    script = _PRIVATE + _ADDON.format(work=work, limits=limits)
    assert run("env", *settings, *_NAMESPACES, script) == "worked"


def try_compose(run: Callable[..., str], work: Path, settings: list[str]) -> None:
    """Runs the compose file of the tree `work/source` with each engine that is here; says loudly where none is.

    `run` runs a command. `settings` are variables of its environment that say where the image `darvaz` is.
    """
    file = f"--file {work}/source/{COMPOSE_FILE} --file {_limits_of_this_machine(work)}"
    engines = []
    if shutil.which("podman") and shutil.which("podman-compose"):
        _in_namespaces(run, work, settings, "", f"podman-compose {file}")
        engines.append("podman-compose")
    docker = next((name for name, program in _DOCKER.items() if shutil.which("dockerd") and _has(run, name)), None)
    if docker is not None:
        run("env", *settings, "buildah", "push", "--quiet", "darvaz", f"docker-archive:{work}/darvaz.tar:darvaz:latest")
        _in_namespaces(run, work, settings, _DOCKER_DAEMON.format(work=work), f"{docker} {file}")
        engines.append(docker)
    if engines:
        print(f"The compose file was brought up and down by {' and '.join(engines)}.")
    else:
        needed = "apt install podman podman-compose catatonit, or docker.io and docker-compose"
        print(f"THE COMPOSE FILE WAS BROUGHT UP BY NO TOOL: {needed}", file=sys.stderr)


def _has(run: Callable[..., str], command: str) -> bool:
    return shutil.which(command.split()[0]) is not None and run("sh", "-c", f"{command} version >&2 || echo no") != "no"


def _in_namespaces(run: Callable[..., str], work: Path, settings: list[str], before: str, compose: str) -> None:
    script = _PRIVATE + before + _SCRIPT.format(compose=compose, work=work)
    assert run("env", *settings, "DARVAZ_PUBLIC_URL=http://192.168.1.5:3000", *_NAMESPACES, script) == "worked"


def _limits() -> dict[str, int]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return {"nofile": _FILES_WANTED if hard < 0 else min(hard, _FILES_WANTED), "nproc": _PROCESSES}


def _limits_of_this_machine(work: Path) -> Path:
    """Writes a second compose file with limits that this machine allows, and returns it."""
    file = work / "limits.yaml"
    file.write_text(json.dumps({"services": {"darvaz": {"ulimits": _limits()}}}))
    return file
