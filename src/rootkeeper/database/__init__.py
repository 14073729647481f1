"""Schema, engines for SQLite and PostgreSQL, and transactions."""
