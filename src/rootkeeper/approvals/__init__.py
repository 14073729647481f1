"""Approvals: who may approve what, on which terms, and for how long."""
