"""Accounts, the tree and the selection: what everything else is about."""
