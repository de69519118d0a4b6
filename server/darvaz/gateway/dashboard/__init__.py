"""The dashboard: static files and their routes."""
