"""The operations that the sandbox serves, by service."""
