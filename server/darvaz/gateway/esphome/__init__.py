"""Boards as ESPHome nodes, which Home Assistant discovers: needs the extra `homeassistant`."""
