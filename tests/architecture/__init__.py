"""What linters cannot prove of this code base."""
