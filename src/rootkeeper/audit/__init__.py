"""The audit: the status of each account's root user credentials."""
