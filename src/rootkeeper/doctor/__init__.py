"""Checks whether this machine is ready to work: credentials, clock, Region, permissions, database, ledger, server."""
