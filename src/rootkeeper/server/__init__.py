"""The HTTP application: request path, guards, routes and the console's files."""
