"""The client of a Rootkeeper server, for commands with ``--server``."""
