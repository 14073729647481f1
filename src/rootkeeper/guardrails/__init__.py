"""Preflight: which policies block which task, and how to fix it; the shipped policies."""
