"""The session: one conversation with a board, fed packets and time; it never awaits."""
