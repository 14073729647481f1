"""Listing the organization, and what is remembered of it."""
