"""Pieces of the Classify page."""
