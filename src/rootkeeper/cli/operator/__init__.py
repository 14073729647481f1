"""The interface through which commands work: on this machine, or through a server."""
