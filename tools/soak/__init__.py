"""Boards that come, talk and vanish in every way for minutes on end, and a gateway that must not mind."""
