"""Listing the organization, and storing its inventory, statuses and audits."""
