"""What routes answer, as the OpenAPI document describes it: one module each subject.

These types describe and do nothing: an answer is neither checked nor copied by them, so that one of 10,000 accounts
costs nothing more. The tests hold every answer that they get to them.
"""
