"""Removing the root user credentials of an account, for deletions and closings."""
