"""Unlocking S3 buckets and SQS queues with policies that deny everyone."""
