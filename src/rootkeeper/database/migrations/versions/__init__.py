"""The numbered migrations. Never edit a released migration."""
