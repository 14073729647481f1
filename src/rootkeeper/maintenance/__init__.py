"""Care for the database: its check, its backup and restore, and its upgrade to a newer version."""
