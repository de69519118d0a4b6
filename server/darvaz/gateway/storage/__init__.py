"""Storage: the only place that opens SQLite."""
