"""The journal: append, query, retain; it never blocks the event loop."""
