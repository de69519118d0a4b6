"""What the gateway bears, measured beside its baselines in one run: `python -m bench`, docs/benchmarks.md."""
