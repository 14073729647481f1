"""What a sandbox starts with."""
