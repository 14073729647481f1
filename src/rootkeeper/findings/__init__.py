"""Findings: the judgement of an account by a rule, from every command that judges, for every tool that collects."""
