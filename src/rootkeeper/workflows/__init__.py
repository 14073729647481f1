"""Use cases: the order of steps, over ports."""
