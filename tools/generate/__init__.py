"""Generates the files derived from shared/protocol.json: `python -m tools.generate [--check]`."""
