"""Links: a session on a WebSocket; they decide nothing."""
