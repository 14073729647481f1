"""The steps that made the schema, each in a file; run by Alembic when a database is opened that isn't current."""
