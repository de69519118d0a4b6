"""WebSocket (RFC 6455): a fast protocol class for uvicorn that hands packets straight to a listener."""
