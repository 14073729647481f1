"""The numbered migrations. Never edit one that was released."""
