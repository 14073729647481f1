"""Deleting root user credentials: plan, confirm, delete, re-read."""
