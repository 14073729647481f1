"""Watching root activity: CloudTrail events, held against the ledger and the windows."""
