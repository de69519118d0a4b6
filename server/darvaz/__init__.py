"""Darvaz, the self-hosted gateway for MicroPython boards."""

__version__ = "0.1.0"
