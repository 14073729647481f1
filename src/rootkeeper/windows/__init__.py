"""Recovery windows: request, approve, open, close, re-read."""
