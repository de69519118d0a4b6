"""WebSockets, quickly: a protocol class for uvicorn, and packets handed straight to whoever listens."""
