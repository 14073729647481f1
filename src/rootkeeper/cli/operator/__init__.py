"""The one interface by which commands work, on AWS and a database of one's own or through a server."""
