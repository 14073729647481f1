"""See, delete and recover the root user credentials of every account in an AWS organization."""

__version__ = "0.1.0"
