"""Parses requests and writes answers in AWS's wire protocols, driven by botocore's service models.

A service is data (its model), a protocol is code. Services never see HTTP, and nothing here knows what a service does.
"""
