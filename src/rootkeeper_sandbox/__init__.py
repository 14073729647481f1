"""An AWS organization on localhost that behaves as AWS does. It shares no code with the product."""
