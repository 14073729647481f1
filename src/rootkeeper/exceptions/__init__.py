"""Accounts that deletion skips for a while."""
