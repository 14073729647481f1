"""Users, roles, tokens, sign-ins and second factors of a server."""
