"""Boards at an MQTT broker, where Home Assistant and other programs find them: needs the extra `mqtt`."""
