"""Devices: who is connected, commands out, acks back, deadlines."""
