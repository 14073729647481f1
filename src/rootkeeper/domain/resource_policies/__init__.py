"""Policies of buckets and queues: what they deny, whom they lock out, and what may be put in their place."""
