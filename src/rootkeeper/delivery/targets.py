"""Places for reports, as the command line and the settings name them, and the names of reports there.

A report is sent again with the same names: a finding keeps its id, a file and an object keep theirs for the same
period. So sending it again doubles nothing, and findings that an interrupted run left out arrive with the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from rootkeeper.errors import InputError, PermissionDeniedError, SettingsError, make_setting_hint
from rootkeeper.evidence.rules import Period
from rootkeeper.references import parse_bucket_place
from rootkeeper.reports.formats import SECURITY_HUB_FORMAT, Format, get_format, get_format_of_file
from rootkeeper.shapes import parse_facts


class TargetKind(StrEnum):
    """The kind of place that a report is sent to."""

    BUCKET = "s3"
    FILE = "file"
    SECURITY_HUB = "securityhub"


_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}")
_FILE = f"{TargetKind.FILE.value}:"
_HINT = "Write securityhub, securityhub:REGION, s3://BUCKET/PREFIX or file:PATH."


@dataclass(frozen=True, slots=True)
class DeliveryTarget:
    """A place for reports."""

    kind: TargetKind
    region: str | None = None
    """Of Security Hub; ``None`` for the Region of the other calls."""
    bucket: str = ""
    prefix: str = ""
    """Of keys: empty, or with a slash at its end."""
    path: str = ""
    """A file; or a folder, with a slash at its end."""

    def __str__(self) -> str:
        if self.kind is TargetKind.SECURITY_HUB:
            return self.kind.value if self.region is None else f"{self.kind.value}:{self.region}"
        return f"s3://{self.bucket}/{self.prefix}" if self.kind is TargetKind.BUCKET else f"{_FILE}{self.path}"


def parse_target(text: str) -> DeliveryTarget:
    """:raises InputError: if it isn't a place as ``--to`` and the settings name it."""
    kind, _, rest = text.partition(":")
    if text == TargetKind.SECURITY_HUB or (kind == TargetKind.SECURITY_HUB and _REGION.fullmatch(rest)):
        return DeliveryTarget(TargetKind.SECURITY_HUB, region=rest or None)
    place = parse_bucket_place(text)
    if place is not None:
        return DeliveryTarget(TargetKind.BUCKET, bucket=place[0], prefix=place[1])
    if kind == TargetKind.FILE and rest and "\0" not in rest:
        return DeliveryTarget(TargetKind.FILE, path=rest)
    raise InputError(f"{text!r} isn't a place for reports.", hint=_HINT)


_USUAL_FORMAT = "json"
"""Of reports that are sent to a bucket or a folder without a format."""


def choose_sent_format(target: DeliveryTarget, name: str | None) -> Format | None:
    """Choose the format by its name, or by the target; ``None`` for Security Hub.

    :raises InputError: if there is no such format, or the target takes another format.
    """
    if target.kind is TargetKind.SECURITY_HUB:
        if name not in (None, SECURITY_HUB_FORMAT):
            raise InputError(
                f"Security Hub takes {SECURITY_HUB_FORMAT} alone, not {name}.", hint="Leave out the format."
            )
        return None
    if name is not None:
        return get_format(name)
    if target.kind is TargetKind.FILE and not target.path.endswith("/"):
        return get_format_of_file(target.path.rpartition("/")[2])
    return get_format(_USUAL_FORMAT)


@dataclass(frozen=True, slots=True)
class ConfiguredTarget:
    """A place of the settings, with its format."""

    target: DeliveryTarget
    format_name: str | None = None


def parse_configured_targets(texts: Iterable[str]) -> tuple[ConfiguredTarget, ...]:
    """:raises SettingsError: if an entry of ``delivery.targets`` isn't a place, or its format doesn't fit."""
    found = []
    for text in texts:
        place, _, name = text.strip().rpartition(" ")
        place, format_name = (place.strip(), name) if place else (name, None)
        try:
            configured = ConfiguredTarget(parse_target(place), format_name)
            choose_sent_format(configured.target, format_name)
        except InputError as error:
            raise SettingsError(f"delivery.targets: {error.message}", hint=error.hint) from error
        found.append(configured)
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class DeliveryRequest:
    """A request to send the evidence report of a period."""

    to: str | None = None
    """``None``: to each place of the settings."""
    format: str | None = None
    start: datetime | None = None
    """``None``: as long before the end as the settings say."""
    end: datetime | None = None
    """``None``: now."""
    stale_after_seconds: int | None = None


def require_fitting_format(place: str | None, name: str | None) -> None:
    """:raises InputError: if the place or format is unknown, they don't fit, or a format has no place."""
    if place is not None:
        choose_sent_format(parse_target(place), name)
    elif name is not None:
        raise InputError("A format needs a place.", hint="Name the place of the report, too, or leave out the format.")


def parse_request(record: Mapping[str, Any]) -> DeliveryRequest:
    """:raises InputError: if a field is unknown or wrong."""
    known = DeliveryRequest.__dataclass_fields__
    unknown = sorted(set(record) - set(known))
    if unknown:
        raise InputError(f"The parameter {unknown[0]!r} isn't known.", hint=f"Known parameters: {', '.join(known)}.")
    try:
        request = parse_facts(DeliveryRequest, {**dict.fromkeys(known), **record})
    except (TypeError, ValueError) as error:
        raise InputError(f"The request to send a report is invalid: {error}.") from error
    require_fitting_format(request.to, request.format)
    if request.stale_after_seconds is not None and request.stale_after_seconds < 1:
        raise InputError("stale_after_seconds must be at least 1.")
    return request


def choose_targets(
    request: DeliveryRequest, configured: tuple[ConfiguredTarget, ...], *, only_configured: bool
) -> tuple[ConfiguredTarget, ...]:
    """Choose where a report goes: to the place of the request, or to each place of the settings.

    :param only_configured: whether it must be a place of the settings, as on a server.
    :raises PermissionDeniedError: if the settings don't name it.
    :raises InputError: if there is none.
    """
    if request.to is None:
        if not configured:
            raise InputError(
                "The settings name no place for reports.",
                hint=make_setting_hint("Add a place to the settings.", "delivery.targets"),
            )
        return configured
    target = parse_target(request.to)
    known = [choice for choice in configured if choice.target == target]
    if only_configured and not known:
        raise PermissionDeniedError(
            f"The server doesn't send reports to {target}.",
            hint=make_setting_hint("Its settings name the places.", "delivery.targets"),
        )
    usual = known[0].format_name if known else None
    return (ConfiguredTarget(target, usual if request.format is None else request.format),)


def name_report(organization_id: str, period: Period, chosen: Format) -> str:
    """Name the file or object of a report: equal for the same organization, period and format."""
    return f"rootkeeper-{organization_id}-{period.start:%Y%m%d}-{period.end:%Y%m%dT%H%M%SZ}{chosen.suffix}"
