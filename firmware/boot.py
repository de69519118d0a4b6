"""Chooses the program that runs, by darvaz_loader.py; whatever fails here, the one that was flashed by USB runs."""

import sys

try:
    import darvaz_loader

    darvaz_loader.choose()
except Exception as error:  # noqa: BLE001 (a board without a start is lost)
    print("loader:", error)
sys.modules.pop("darvaz_loader", None)
darvaz_loader = None
