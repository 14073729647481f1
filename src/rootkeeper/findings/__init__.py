"""Findings: one judgement of one account by one rule, from every command that judges, for every tool that collects."""
