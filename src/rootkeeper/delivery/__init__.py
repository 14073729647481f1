"""Sends reports to Security Hub, to a bucket or to a file."""
