"""Builds container, add-on and Debian package, runs each as its user would, and removes them: `make packages`.

All stand on a small Debian that mmdebstrap makes, since no image can be downloaded everywhere; buildah builds and runs
without a daemon. It takes some minutes, root, and Debian's own packages; without the tools it says which are missing.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.try_compose import try_addon, try_compose

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("buildah", "mmdebstrap", "chroot", "dpkg-deb", "git")
DEADLINE_S = 900
# More than all images, also where each layer is a copy of all below it.
_MEMORY_BYTES = 5 << 30
# What this ends with if a tool is missing: the code that build tools take for "left out".
LEFT_OUT = 77
# Debian's name of a release, with Python 3.11 or newer.
SUITE = "bookworm"
_PORT = 4169
_INCLUDE = "python3,python3-venv,ca-certificates"
# Where this machine says which package index it uses; a container does not know it.
_INDEX = ("/etc/pip.conf", "/root/.config/pip/pip.conf")

# Packages of integrations: pip is not in the container, so that nobody could add them. And a module can be compiled.
_ALL_THERE = (
    "import aioesphomeapi, apprise, apscheduler, cryptography, nats, paho.mqtt.client, zeroconf;"
    " from darvaz.boards.compiled_library import compile_file; compile_file('colours.py', b'WARM = 1')"
)

# Each line is what a person would type; the last word says that all of it worked.
_IN_CONTAINER = f"""
set -e
test "$(id -u)" = 10001
darvaz serve --port {_PORT} & gateway=$!
trap 'kill $gateway 2>/dev/null || true' EXIT
for turn in 1 2 3 4 5 6 7 8 9 10; do DARVAZ_PORT={_PORT} python3 /opt/darvaz/health.py && break; sleep 1; done
DARVAZ_PORT={_PORT} python3 /opt/darvaz/health.py
darvaz devices --gateway http://127.0.0.1:{_PORT}
python3 -c "{_ALL_THERE}"
! touch /opt/darvaz/file 2>/dev/null
test "$(stat -c %a /data)" = 700
kill $gateway; wait $gateway
echo worked
"""
# Without Home Assistant, which would write the options and show the page.
_IN_ADDON = f"""
set -e
mkdir -p /data
echo '{{"log_level": "debug", "public_tokens": "never", "home_assistant": false}}' > /data/options.json
export DARVAZ_PORT={_PORT}
ask='import sys, urllib.request as r; sys.exit(r.urlopen("http://127.0.0.1:{_PORT}/health", timeout=4).status != 200)'
begin() {{
    /run.sh & gateway=$!
    trap 'kill $gateway 2>/dev/null || true' EXIT
    for turn in 1 2 3 4 5 6 7 8 9 10; do python3 -c "$ask" 2>/dev/null && break; sleep 1; done
    python3 -c "$ask"
}}
begin
python3 -c "{_ALL_THERE}"
# Behind a proxy programs of the machine need a token; these use the data.
/run.sh token issue pico --label kept
/run.sh backup
kill $gateway; wait $gateway
rm -r /data/gateway
begin
/run.sh token list | grep kept
kill $gateway; wait $gateway
echo worked
"""
_IN_DEBIAN = f"""
set -e
dpkg --install /darvaz.deb
darvaz --version
/opt/darvaz/bin/python -c "{_ALL_THERE}"
mkdir -p -m 700 /var/lib/darvaz
darvaz serve --config /etc/darvaz/darvaz.toml --port {_PORT} & gateway=$!
trap 'kill $gateway 2>/dev/null || true' EXIT
ask='import sys, urllib.request as r; sys.exit(r.urlopen("http://127.0.0.1:{_PORT}/health", timeout=4).status != 200)'
for turn in 1 2 3 4 5 6 7 8 9 10; do python3 -c "$ask" 2>/dev/null && break; sleep 1; done
python3 -c "$ask"
darvaz devices --gateway http://127.0.0.1:{_PORT}
kill $gateway; wait $gateway
dpkg --remove darvaz
test -e /etc/darvaz/darvaz.toml && test -e /var/lib/darvaz/darvaz.sqlite3 && ! test -e /opt/darvaz
dpkg --purge darvaz
! test -e /etc/darvaz && ! test -e /var/lib/darvaz
echo worked
"""


def main() -> int:
    """Runs what the options say; returns 77 if a tool is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--container", action="store_true", help="only the container and its compose file")
    only_container = parser.parse_args().container
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        what = f"apt install {' '.join(missing)}" if missing else "run it as root"
        print(f"NO CONTAINER, ADD-ON OR DEBIAN PACKAGE WAS BUILT AND RUN: {what}", file=sys.stderr)
        return LEFT_OUT
    with _folder() as work:
        base = Path(work) / "base.tar"
        made = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={_INCLUDE}", SUITE, str(base)]
        _run("env", f"TMPDIR={work}", *made, folder=work)
        if not only_container:
            _try_debian(Path(work), base)
        _try_containers(Path(work), base, with_addon=not only_container)
    what = "container was" if only_container else "container, the add-on and the Debian package were"
    print(f"The {what} built, run and removed.")
    return 0


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    """Makes a folder, in memory where that is large enough: half of the time here is the system's, for files."""
    with tempfile.TemporaryDirectory(prefix="darvaz-packages-", dir="/var/tmp") as work:
        free_bytes = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        options = f"mode=0700,size={_MEMORY_BYTES}"
        is_mounted = free_bytes >= 2 * _MEMORY_BYTES and _mount("tmpfs", options, work)
        try:
            yield work
        finally:
            if is_mounted:
                _run("umount", "--lazy", work)


def _try_debian(work: Path, base: Path) -> None:
    """Installs the package in a Debian of its own, runs the gateway, removes and purges it."""
    # The container alone needs nothing but Python.
    from tools.build_deb import build

    root = work / "debian"
    root.mkdir()
    _run("tar", "--extract", "--file", str(base), "--directory", str(root))
    shutil.copyfile(build(work, python="/usr/bin/python3"), root / "darvaz.deb")
    _run("chroot", str(root), "sh", "-c", _IN_DEBIAN)
    shutil.rmtree(root)


def _try_containers(work: Path, base: Path, with_addon: bool) -> None:
    """Builds the images from what is committed, and runs the gateway in each as its user does."""
    settings = _write_settings(work)
    tool = ["env", *settings, "buildah"]
    source = work / "source"
    source.mkdir()
    _run("sh", "-c", f"git -C '{ROOT}' archive HEAD | tar --extract --directory '{source}'")
    with _containers(tool):
        scratch = _run(*tool, "from", "scratch").strip()
        _run(*tool, "add", scratch, str(base), "/")
        _run(*tool, "commit", "--rm", scratch, "base")
        volumes = [f"--volume={file}:/etc/pip.conf:ro" for file in _INDEX if Path(file).exists()][-1:]
        volumes += [f"--volume={folder}:{folder}:ro" for folder in _folders_of_index()]
        # Docker's format: the other one has no health check.
        build = [*tool, "bud", "--format=docker", "--isolation=chroot", *volumes]
        _try_container(tool, build, source)
        try_compose(_run, work, settings)
        if with_addon:
            _try_addon(tool, build, source)
            try_addon(_run, work, settings)


def _write_settings(work: Path) -> list[str]:
    """Writes where containers and their images are kept; returns variables that tell it to buildah and Podman."""
    (work / "containers.conf").write_text('[containers]\ncgroups = "disabled"\n')
    driver = "overlay" if _has_overlay(work) else "vfs"
    folders = f'graphroot = "{work}/storage"\nrunroot = "{work}/run"\n'
    (work / "storage.conf").write_text(f'[storage]\ndriver = "{driver}"\n{folders}')
    return [f"CONTAINERS_CONF={work}/containers.conf", f"CONTAINERS_STORAGE_CONF={work}/storage.conf"]


def _has_overlay(work: Path) -> bool:
    """Whether layers can be mounted over each other; else each is a copy of all below it."""
    folders = {name: work / "layers" / name for name in ("lowerdir", "upperdir", "workdir")}
    mounted = work / "mounted"
    for folder in (*folders.values(), mounted):
        folder.mkdir(parents=True)
    if not _mount("overlay", ",".join(f"{name}={folder}" for name, folder in folders.items()), str(mounted)):
        return False
    _run("umount", str(mounted))
    return True


def _mount(type_: str, options: str, folder: str) -> bool:
    command = ["mount", "-t", type_, "none", "-o", options, folder]
    return subprocess.run(command, check=False, capture_output=True, timeout=DEADLINE_S).returncode == 0


def _try_container(tool: list[str], build: list[str], source: Path) -> None:
    arguments = ["--build-arg=BASE=base", "--build-arg=COMPILE=no", "--file=deploy/docker/Dockerfile", "--tag=darvaz"]
    _run(*build, *arguments, ".", folder=str(source))
    made = _run(*tool, "from", "darvaz").strip()
    _run(*tool, "run", "--isolation=chroot", "--user=10001", made, "--", "sh", "-c", _IN_CONTAINER)


def _try_addon(tool: list[str], build: list[str], source: Path) -> None:
    """Builds the add-on as docs/operations.md says, and runs it, with a backup and a restore."""
    folder = source / "deploy/home-assistant/darvaz"
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source))
    _run(*build, "--build-arg=BASE=base", "--build-arg=BUILD_FROM=none", "--tag=addon", ".", folder=str(folder))
    made = _run(*tool, "from", "addon").strip()
    _run(*tool, "run", "--isolation=chroot", made, "--", "sh", "-c", _IN_ADDON)


@contextlib.contextmanager
def _containers(tool: list[str]) -> Iterator[None]:
    try:
        yield
    finally:
        # Unmounts what is mounted; the folder is removed with the others.
        subprocess.run([*tool, "rm", "--all"], check=False, capture_output=True, timeout=DEADLINE_S)


def _folders_of_index() -> list[str]:
    """Returns what pip on this machine reads beside its index: certificates, and folders of wheels."""
    folders = ["/etc/ssl/certs", *os.environ.get("PIP_FIND_LINKS", "").split()]
    return [folder for folder in folders if os.path.isdir(folder)]


def _run(*command: str, folder: str | None = None) -> str:
    """Runs a command, shows what it prints, and returns it; raises `subprocess.CalledProcessError`."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_S,
        cwd=folder,
        check=False,
    )
    if done.returncode != 0:
        print(done.stdout, file=sys.stderr)
    done.check_returncode()
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


if __name__ == "__main__":
    sys.exit(main())
