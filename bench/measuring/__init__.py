"""What the benchmarks share: processes that are measured, a sandbox to measure against, and tables."""
