"""What runs in the compiler's process: mypyc makes C of the hot modules, and setuptools has it compiled.

python -m darvaz.compiled.mypyc_setup FOLDER DESTINATION
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mypyc.build import mypycify
from setuptools import setup

from darvaz.compiled import HOT_MODULES, LIBRARY, path_of


def main(folder: str, destination: str) -> None:
    """Leaves the compiled modules in the destination, as they lie in the package; all else in the folder."""
    # `make lint` checks the types; here they are only read.
    checking = ["--config-file=", f"--cache-dir={folder}/mypy", "--ignore-missing-imports", "--follow-imports=silent"]
    sources = [f"darvaz/{path_of(name)}" for name in HOT_MODULES]
    group = LIBRARY.removesuffix("__mypyc")
    extensions = mypycify([*checking, *sources], opt_level="3", group_name=group, target_dir=f"{folder}/c")
    Path(destination).mkdir()
    words = ["build_ext", "--build-lib", destination, "--build-temp", f"{folder}/objects"]
    setup(name="darvaz-hot-path", ext_modules=extensions, script_args=words, packages=[])


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    main(*sys.argv[1:])
