"""The least-privilege roles, guardrails and alarms that fit one organization."""
