"""The gateway: the only product code that speaks to AWS."""
