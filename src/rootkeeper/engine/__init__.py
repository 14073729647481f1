"""The adapter to the durable engine, which drives jobs."""
