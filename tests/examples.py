"""On how many random examples a property is tried: on all, or on a part of them where every property is tried.

``make test`` tries each on a quarter of its examples; ``make test-long`` and a run of single tests try all of them.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

ALL = 100
"""What a property is tried on that doesn't say how many. Source: Hypothesis."""
PART = 25


def choose_examples(*, is_quick: bool) -> None:
    """Set it for this process, before tests are imported."""
    many = PART if is_quick else ALL
    settings.register_profile("chosen", max_examples=many, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("chosen")


def examples(many: int) -> int:
    """``many``, or the part of them that this run tries."""
    return max(1, many * settings().max_examples // ALL)
