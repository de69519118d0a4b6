"""Writes `requirements.lock`, the exact versions of all that is installed, with hashes: `python -m tools.lock`.

One file serves every platform and Python from 3.11 on, and names no server. `--audit` checks offline that neither the
lock, nor the lower bounds of pyproject.toml, nor what is installed here has a version with a known hole: `FLOORS`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
LOCK = "requirements.lock"
COMMAND = "python -m tools.lock"
_RESOLVER = "uv>=0.9,<1"
_OLDEST_PYTHON = "3.11"
_ENTRY = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(.*)$")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")

FLOORS: Mapping[str, tuple[str, str]] = {
    "anyio": ("4.4.0", "a race of its threads' event loops"),
    "certifi": ("2024.7.4", "CVE-2024-39689"),
    "cryptography": ("46.0.5", "CVE-2026-26007"),
    "filelock": ("3.20.3", "CVE-2026-22701"),
    "h11": ("0.16.0", "CVE-2025-43859"),
    "httpx": ("0.23.0", "CVE-2021-41945"),
    "idna": ("3.7", "CVE-2024-3651"),
    "pillow": ("12.1.1", "CVE-2026-25990"),
    "pygments": ("2.15.1", "CVE-2022-40896"),
    "pyyaml": ("5.4", "CVE-2020-14343"),
    "requests": ("2.32.4", "CVE-2024-47081"),
    "setuptools": ("78.1.1", "CVE-2025-47273"),
    "starlette": ("0.49.1", "CVE-2025-62727"),
    "urllib3": ("2.6.3", "CVE-2026-21441"),
    "uvicorn": ("0.11.7", "CVE-2020-7695"),
    "websockets": ("9.1", "CVE-2021-33880"),
    "werkzeug": ("3.1.5", "CVE-2026-21860"),
}
"""The lowest version of each package without a hole that is known, and the hole below it."""


def declared(pyproject: str) -> list[Requirement]:
    """Returns what pyproject.toml needs, for every extra, without Darvaz itself."""
    project = tomllib.loads(pyproject)["project"]
    texts = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    return [needed for needed in map(Requirement, texts) if canonicalize_name(needed.name) != project["name"]]


def locked(lock: str) -> dict[str, set[Version]]:
    """Returns the versions of each package in a lock; some need one for each of several Pythons."""
    found: dict[str, set[Version]] = {}
    for name, version, _ in _entries(lock):
        found.setdefault(canonicalize_name(name), set()).add(Version(version))
    return found


def stale(pyproject: str, lock: str) -> list[str]:
    """Returns what pyproject.toml needs and the lock lacks, and entries without a hash, one sentence each."""
    versions = locked(lock)
    lacking = [
        f"{needed} is not in {LOCK}: run {COMMAND}"
        for needed in declared(pyproject)
        if not any(needed.specifier.contains(version) for version in versions.get(canonicalize_name(needed.name), ()))
    ]
    return lacking + [f"{name} has no hash in {LOCK}" for name, _, rest in _entries(lock) if not _HASH.search(rest)]


def holes(versions: Mapping[str, set[Version]], where: str) -> list[str]:
    """Returns the versions with a known hole, one sentence each."""
    return [
        f"{name} {version} {where} has a known hole ({hole}): {floor} has not"
        for name, (floor, hole) in FLOORS.items()
        for version in versions.get(name, ())
        if version < Version(floor)
    ]


def lowest(pyproject: str) -> dict[str, set[Version]]:
    """Returns the lowest version of each package that pyproject.toml allows."""
    return {
        canonicalize_name(needed.name): {
            Version(bound.version) for bound in needed.specifier if bound.operator in (">=", "==", "~=")
        } or {Version("0")}
        for needed in declared(pyproject)
    }  # fmt: skip


def installed() -> dict[str, set[Version]]:
    """Returns what is installed in this environment."""
    found = importlib.metadata.distributions()
    return {canonicalize_name(each.metadata["Name"]): {Version(each.version)} for each in found}


def audit(root: Path = ROOT) -> list[str]:
    """Returns everything that is wrong with the lock, the lower bounds and this environment."""
    pyproject, lock = ((root / name).read_text(encoding="utf-8") for name in ("pyproject.toml", LOCK))
    return [
        *stale(pyproject, lock),
        *holes(locked(lock), f"in {LOCK}"),
        *holes(lowest(pyproject), "is allowed by pyproject.toml and"),
        *holes(installed(), "is installed here and"),
    ]


def write(root: Path = ROOT) -> None:
    """Writes the lock again, with the newest versions that are allowed; needs the package index."""
    extras = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    options = ["--universal", "--python-version", _OLDEST_PYTHON, "--generate-hashes", "--no-annotate"]
    # No name of a server, and no path, goes into the file.
    options += ["--no-header", "--no-emit-index-url", "--no-emit-find-links", "--quiet", "--upgrade"]
    chosen = [word for extra in extras for word in ("--extra", extra)]
    subprocess.run(
        [*_resolver(root), "pip", "compile", *options, *chosen, "--output-file", LOCK, "pyproject.toml"],
        cwd=root, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def _resolver(root: Path) -> list[str]:
    """Returns the command of the resolver, installed into the cache if it is not there."""
    folder = root / ".cache" / "resolver"
    if not folder.exists():
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), _RESOLVER]
        subprocess.run(install, check=True)
    return [str(folder / "bin" / "uv")]


def _entries(lock: str) -> Iterator[tuple[str, str, str]]:
    """Yields name, version, and the rest with markers and hashes, of each entry."""
    for line in lock.replace("\\\n", " ").splitlines():
        found = _ENTRY.match(line)
        if found is not None:
            yield found.group(1), found.group(2), found.group(3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns 1 if the audit found something."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Locks exact versions, or checks them for known holes.")
    parser.add_argument("--audit", action="store_true", help="check offline; write nothing")
    if not parser.parse_args(arguments).audit:
        write()
        return 0
    problems = audit()
    print("\n".join(problems) or "No version with a known hole; the lock is complete.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
