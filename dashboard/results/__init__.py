"""Pieces of the Results page."""
