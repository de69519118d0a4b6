"""Chooses the program that runs, by darvaz_loader.py; whatever fails here, the one that was flashed by USB runs."""

import os
import sys

try:
    # Names stay in memory: a board without releases does not load those of the loader.
    if "program.json" in os.listdir("/"):
        import darvaz_loader

        darvaz_loader.choose()
except Exception as error:  # noqa: BLE001 (a board without a start is lost)
    print("loader:", error)
sys.modules.pop("darvaz_loader", None)
darvaz_loader = None
