"""Reports as files: a table of formats, and a function that renders each of them."""
