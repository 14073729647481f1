"""Renders records for people and programs, by subject. Nothing here asks AWS or the database."""
