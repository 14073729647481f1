"""Accounts, the tree and the selection, on which everything else builds."""
