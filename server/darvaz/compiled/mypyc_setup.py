"""Runs in the compiler's process: mypyc translates the hot modules to C, and setuptools compiles it.

python -m darvaz.compiled.mypyc_setup FOLDER DESTINATION LEVEL
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mypyc.build import mypycify
from setuptools import Extension, setup

from darvaz.compiled import C_MODULES, HOT_MODULES, LIBRARY, c_path_of, path_of
from darvaz.compiled.tools import NOT_READ

# Functions are called only within the library, so the compiler may inline them. Nobody debugs the C or reads warnings
# about it, which take half of the time. Microsoft's compiler needs no flag.
FLAGS = [] if sys.platform == "win32" else ["-fvisibility=hidden", "-fno-semantic-interposition", "-g0", "-w"]

# `make lint` checks the types; here they are only used.
CONFIGURATION = f"""
[mypy]
ignore_missing_imports = True
follow_imports = silent

[mypy-{",".join(f"{name}.*" for name in NOT_READ)}]
follow_imports = skip
"""


def main(folder: str, destination: str, level: str) -> None:
    """Puts the compiled modules into the destination, in the folders of the package; all other files into `folder`.

    `level` is how much the C compiler optimises: 3 is most.
    """
    configuration = Path(folder, "mypy.ini")
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    checking = [f"--config-file={configuration}", f"--cache-dir={folder}/mypy"]
    sources = [f"darvaz/{path_of(name)}" for name in HOT_MODULES]
    group = LIBRARY.removesuffix("__mypyc")
    extensions = mypycify([*checking, *sources], opt_level=level, group_name=group, target_dir=f"{folder}/c")
    # mypyc sets the level of optimisation for its own extensions only.
    optimised, mathematics = ([], []) if sys.platform == "win32" else ([f"-O{level}"], ["m"])
    own = [
        Extension(name, [f"darvaz/{c_path_of(name)}"], extra_compile_args=optimised, libraries=mathematics)
        for name in C_MODULES
    ]
    for extension in extensions:
        extension.extra_compile_args += FLAGS
    Path(destination).mkdir()
    arguments = ["build_ext", "--build-lib", destination, "--build-temp", f"{folder}/objects"]
    setup(name="darvaz-hot-path", ext_modules=[*extensions, *own], script_args=arguments, packages=[])


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    main(*sys.argv[1:])
