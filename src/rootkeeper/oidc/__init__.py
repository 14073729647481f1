"""The adapter to an identity provider that speaks OpenID Connect."""
