"""Reports as files: one table of formats, and one module for each of them."""
