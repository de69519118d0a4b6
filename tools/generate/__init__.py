"""Generates the files made from the protocol and the settings: `python -m tools.generate [--check]`."""
