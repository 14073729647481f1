"""How the schema came to be, one step a file; run by Alembic when a database is opened that isn't current."""
