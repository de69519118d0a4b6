"""Checks the dashboard's JavaScript: `python -m tools.lint_dashboard [--fix]` runs its type checker and its linter.

It also holds that what the gateway sends, without blanks and comments, is the same program. The tools come from npm, as
package-lock.json pins them, into .cache/node. Only developers need them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from darvaz.gateway.dashboard.minify import as_sent

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "node"
DASHBOARD = ROOT / "server" / "darvaz" / "gateway" / "dashboard"
MANIFESTS = ("package.json", "package-lock.json")
NODE_MAJOR_MIN = 18
INSTALL_DEADLINE_S = 300
CHECK_DEADLINE_S = 120


class ToolsMissing(RuntimeError):
    """The tools cannot run or cannot be installed here; the text says why."""


def main(arguments: list[str]) -> int:
    """Runs both tools and returns an exit status; without Node.js it says so and succeeds, in CI it fails."""
    try:
        node, npm = _programs()
    except ToolsMissing as missing:
        is_required = bool(os.environ.get("CI"))
        print(f"dashboard: {missing}; its JavaScript is not checked", file=sys.stderr)
        return 1 if is_required else 0
    try:
        modules = install_tools(npm)
    except ToolsMissing as missing:
        print(f"dashboard: {missing}", file=sys.stderr)
        return 1
    fix = ["--write"] if "--fix" in arguments else []
    commands = [
        [node, str(modules / "typescript" / "bin" / "tsc"), "--project", "jsconfig.json"],
        [node, str(modules / "@biomejs" / "biome" / "bin" / "biome"), "check", "--error-on-warnings", *fix],
    ]
    with tempfile.TemporaryDirectory() as sent:
        write_sent(Path(sent))
        commands.append([node, str(ROOT / "tools" / "same_program.mjs"), str(modules), str(DASHBOARD), sent])
        # All run, so that one call shows every finding.
        return max(subprocess.run(command, cwd=ROOT, timeout=CHECK_DEADLINE_S).returncode for command in commands)


def write_sent(folder: Path) -> None:
    """Writes each script of the dashboard as the gateway sends it."""
    for script in DASHBOARD.rglob("*.js"):
        target = folder / script.relative_to(DASHBOARD)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(as_sent(script))


def _programs() -> tuple[str, str]:
    """Returns the paths of node and npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise ToolsMissing(f"{'npm' if node else 'Node.js'} is not installed")
    ran = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    version = ran.stdout.strip().removeprefix("v")
    if int(version.partition(".")[0]) < NODE_MAJOR_MIN:
        raise ToolsMissing(f"Node.js {version} is older than {NODE_MAJOR_MIN}")
    return node, npm


def install_tools(npm: str, cache: Path = CACHE) -> Path:
    """Returns the folder of the tools' packages, installed at the first call and after a change of the versions."""
    modules = cache / "node_modules"
    if modules.is_dir() and all(_is_same(ROOT / name, cache / name) for name in MANIFESTS):
        return modules
    print("Installing the dashboard's type checker and linter (once) ...", flush=True)
    cache.parent.mkdir(parents=True, exist_ok=True)
    # Installed aside and moved, so that an interrupted installation is never used.
    with tempfile.TemporaryDirectory(dir=cache.parent) as folder:
        unfinished = Path(folder) / "node"
        unfinished.mkdir()
        for name in MANIFESTS:
            shutil.copy(ROOT / name, unfinished / name)
        _install(npm, unfinished)
        shutil.rmtree(cache, ignore_errors=True)
        unfinished.rename(cache)
    return modules


def _install(npm: str, folder: Path) -> None:
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_DEADLINE_S)
    except subprocess.TimeoutExpired:
        raise ToolsMissing(f"npm took longer than {INSTALL_DEADLINE_S} s to install its tools") from None
    if ran.returncode:
        lines = ran.stderr.strip().splitlines() or ["no reason given"]
        raise ToolsMissing(f"npm could not install its tools: {lines[0]}")


def _is_same(wanted: Path, installed: Path) -> bool:
    return installed.is_file() and installed.read_bytes() == wanted.read_bytes()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
