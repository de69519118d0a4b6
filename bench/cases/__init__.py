"""The cases, one a file."""
