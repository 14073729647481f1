"""The orders of a list of organizations, apart, because a page of help needs them alone."""

from __future__ import annotations

from enum import StrEnum


class OrganizationSort(StrEnum):
    """The orders of a list of organizations."""

    NAME = "name"
    LEFT = "left"
    UNKNOWN = "unknown"
    WINDOWS = "windows"
    FAILED = "failed"
    REVIEWS = "reviews"
    CONTROLS = "controls"
    TREND = "trend"
