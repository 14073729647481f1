"""An account's past, and what changed between two audits."""
