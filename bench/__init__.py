"""The benchmarks: the gateway measured beside its baselines in one run. `python -m bench`; docs/benchmarks.md."""
