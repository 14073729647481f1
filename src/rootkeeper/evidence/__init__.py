"""Evidence for an audit: the report of a period in every format."""
