"""What AWS must be told so that Rootkeeper works with no more power than it needs: roles, guardrails and alarms."""
