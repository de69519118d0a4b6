"""Writes what is derived from shared/protocol.json: `python -m tools.generate [--check]`."""
