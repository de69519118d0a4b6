"""Text to message or fault, and back, by the rules of shared/protocol.json; without clocks and sockets."""
