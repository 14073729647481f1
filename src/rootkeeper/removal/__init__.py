"""Removing the root user credentials of one account: what deletions and closings share."""
