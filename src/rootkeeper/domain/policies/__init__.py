"""Policy documents of AWS: read, checked, and judged before anything is called.

Three answers are possible: allowed, blocked, and *depends*, where a condition key can't be known beforehand.
"""
