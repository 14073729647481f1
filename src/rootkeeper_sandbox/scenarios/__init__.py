"""The worlds that sandboxes start with."""
