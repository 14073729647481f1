"""The HTTP API of a server: routes, who may call them, and what errors look like."""
