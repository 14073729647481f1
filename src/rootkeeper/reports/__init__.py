"""Domain values in, text out: evidence and policies as files. Nothing here reads a clock, a database or AWS."""
