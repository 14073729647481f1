"""Domain values in, what a person or a program reads out; split by subject. Nothing here asks AWS or the database."""
