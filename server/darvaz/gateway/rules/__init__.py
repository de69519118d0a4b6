"""Rules that people make in the page: when a value, a link or a time of day is so, a command or a message."""
