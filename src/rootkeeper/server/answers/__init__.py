"""What routes answer, as the OpenAPI document describes it."""
