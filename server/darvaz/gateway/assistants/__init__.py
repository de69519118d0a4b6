"""Assistants: programs that act for a person by the Model Context Protocol, within what their owner allows."""
