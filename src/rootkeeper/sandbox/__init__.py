"""An AWS-compatible organization on localhost, for trying, teaching and testing centralized root access.

It stands alone: nothing here imports another part of the product, so that one bug cannot hide in both.
"""
