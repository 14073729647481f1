"""Worked examples of scenario files: to load by their name, and to start an own file from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

EXAMPLES: Mapping[str, str] = {
    "small-start": "eight accounts, everything switched on, a delegate registered, two accounts left to clean",
    "deny-root-guardrails": "policies that deny root: with and without an exemption for root sessions, twice over",
    "merger": "a bought company: invited accounts with everything they had, more of them still outside",
}
"""By name: what is in it."""


def find_example(name: str) -> Path:
    """Find the file of an example."""
    return Path(__file__).with_name(f"{name}.yaml")
