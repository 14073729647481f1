"""Evidence for an audit, as values: what is known of an organization over a period, and what isn't."""
