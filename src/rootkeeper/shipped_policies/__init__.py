"""The least-privilege roles, guardrails and alarms that fit an organization."""
