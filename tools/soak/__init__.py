"""The soak: boards connect, send messages and disconnect in every way for minutes; nothing acknowledged may be lost."""
