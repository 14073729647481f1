"""Unlocking S3 buckets and SQS queues whose policies deny everyone."""
