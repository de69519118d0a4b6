"""Viewing: camera frames to viewers, over MJPEG and WebSocket."""
