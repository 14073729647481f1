"""Settling the orphans of dead processes."""
