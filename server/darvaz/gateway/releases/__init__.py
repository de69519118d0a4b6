"""Releases of programs for boards, and their rollouts over the link."""
