"""What was: an account's past, and what changed between two audits."""
