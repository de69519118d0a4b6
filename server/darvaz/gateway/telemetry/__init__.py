"""Telemetry: newest values in memory, the rest summarised in SQLite."""
