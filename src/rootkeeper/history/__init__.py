"""An account's past, and the changes between two audits."""
