"""Preflight: which organization policies block which task, and the fix."""
