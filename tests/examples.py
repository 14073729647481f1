"""On how many random examples a property is tried, and on which.

``make test`` tries each property on a quarter of its examples; ``make test-long`` and a run of single tests try all of
them. These are the same in every run. ``make test-random`` explores: it gives each run another seed, and a failure that
it finds is pinned by ``@example``.
"""

from __future__ import annotations

import os
from random import Random

from hypothesis import HealthCheck, settings

ALL = 100
"""What a property is tried on that doesn't say how many. Source: Hypothesis."""
PART = 25
SEED = "TEST_SEED"
"""The variable that has the seed of a run that explores."""


def choose_examples(*, is_quick: bool) -> None:
    """Set it for this process, before tests are imported."""
    explores = SEED in os.environ
    settings.register_profile(
        "chosen",
        max_examples=PART if is_quick else ALL,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        derandomize=not explores,
        database=None,
        print_blob=explores,
    )
    settings.load_profile("chosen")


def examples(many: int) -> int:
    """``many``, or the part of them that this run tries."""
    return max(1, many * settings().max_examples // ALL)


def make_random(fixed_seed: int) -> Random:
    """Make a generator for a test that Hypothesis doesn't suit: the same in every run, but of one that explores.

    A test that uses it is marked ``randomized``.
    """
    return Random(os.environ.get(SEED, fixed_seed))  # noqa: S311 - not for secrets
