"""Alerts: rules that watch readings and links, and the messages to people when one of them comes true."""
