"""Decides whether a call may happen, by the policies that AWS would ask: identity policies, SCPs and the session's own.

Documents are compiled once; decisions are made anew for every call and never kept.
"""
