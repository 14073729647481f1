"""The AWS policy language: documents, conditions and the evaluation of a request."""
