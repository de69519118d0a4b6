"""A fuzzer of the gateway's WebSocket protocol class: `python -m tools.fuzz`."""
