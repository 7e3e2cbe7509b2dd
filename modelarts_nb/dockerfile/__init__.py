"""Dockerfile text to values, with the place of everything kept. No I/O."""
