"""Reports as files: one table of formats, and a function that renders each of them."""
