"""Controls of published frameworks, judged by the evidence of an organization."""
