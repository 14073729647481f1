"""What may be asked for as a job, as values; a job keeps it as JSON parameters, and is done by them.

Parameters come from outside: each is checked before anything is queued, one that isn't known is refused, and what is
left out has the command line's default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from rootkeeper.domain.deletion import ALL_KINDS, RECENT_USE
from rootkeeper.domain.deletion_planning import choose_validity
from rootkeeper.domain.jobs import JobKind
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.organizations import AccountId, parse_account_id
from rootkeeper.domain.resource_policies.changes import ChangeKind
from rootkeeper.domain.resource_policies.resources import ResourceKind, require_resource_name
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.selection import EVERYTHING, SelectionRequest, require_request
from rootkeeper.domain.selection_records import request_from_record, request_to_record
from rootkeeper.domain.statuses import FAIL_ON_FINDINGS, FailOn
from rootkeeper.domain.waves import WaveRules
from rootkeeper.errors import InputError, SelectionEmptyError

Parameters: TypeAlias = Mapping[str, JsonValue]

_EMPTY_SELECTION: Mapping[str, JsonValue] = request_to_record(SelectionRequest())


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """An audit."""

    selection: SelectionRequest = EVERYTHING
    details: bool = False
    refresh: bool = False
    fail_on: frozenset[FailOn] = FAIL_ON_FINDINGS


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Planning a deletion; what comes of it is a plan's file."""

    selection: SelectionRequest
    only: frozenset[CredentialKind] = ALL_KINDS
    allowed_uses: tuple[tuple[str, str], ...] = ()
    """Account ids or names, and why their recently used password or key shall go."""
    recent: timedelta = RECENT_USE
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class PreflightRequest:
    """A preflight."""

    selection: SelectionRequest = EVERYTHING


@dataclass(frozen=True, slots=True)
class UnlockRequest:
    """Buckets or queues of one account: all listed, or one policy shown or changed."""

    account: str
    """An id or a unique name."""
    kind: ResourceKind
    resource: str | None = None
    """``None``: all of the account are listed."""
    change: ChangeKind | None = None
    """``None``: nothing is changed."""
    regions: tuple[str, ...] = ()
    included_failsafes: frozenset[AccountId] = frozenset()
    shown_sha256: str | None = None
    """Of the policy that the person saw and agreed to change; ``None`` where there was none."""


def audit_to_parameters(request: AuditRequest) -> dict[str, JsonValue]:
    return {
        "selection": request_to_record(request.selection),
        "details": request.details,
        "refresh": request.refresh,
        "fail_on": sorted(request.fail_on),
    }


def parse_audit(parameters: Parameters) -> AuditRequest:
    """:raises InputError: if a parameter is unknown or wrong."""
    given = _JobParameters(parameters, {"selection", "details", "refresh", "fail_on"})
    request = AuditRequest(
        selection=given.selection(default=EVERYTHING),
        details=given.flag("details"),
        refresh=given.flag("refresh"),
        fail_on=frozenset(given.get_choices("fail_on", FailOn, sorted(FAIL_ON_FINDINGS))),
    )
    require_request(request.selection)
    return request


def plan_to_parameters(request: PlanRequest) -> dict[str, JsonValue]:
    return {
        "selection": request_to_record(request.selection),
        "only": sorted(request.only),
        "allowed_uses": [[account, reason] for account, reason in request.allowed_uses],
        "recent_seconds": int(request.recent.total_seconds()),
        "not_before": None if request.not_before is None else request.not_before.isoformat(),
        "valid_until": None if request.not_after is None else request.not_after.isoformat(),
    }


def parse_plan_request(parameters: Parameters, now: datetime) -> PlanRequest:
    """:raises InputError: if a parameter is unknown or wrong, or nothing is selected."""
    names = {"selection", "only", "allowed_uses", "recent_seconds", "not_before", "valid_until"}
    given = _JobParameters(parameters, names)
    request = PlanRequest(
        selection=given.selection(default=SelectionRequest()),
        only=frozenset(given.get_choices("only", CredentialKind, sorted(ALL_KINDS))),
        allowed_uses=given.pairs("allowed_uses"),
        recent=timedelta(seconds=given.number("recent_seconds", int(RECENT_USE.total_seconds()))),
        not_before=given.instant("not_before"),
        not_after=given.instant("valid_until"),
    )
    if request.selection.is_empty:
        raise SelectionEmptyError("Nothing is selected.", hint="Name accounts, units or tags, or everything.")
    require_request(request.selection)
    if not all(reason.strip() for _, reason in request.allowed_uses):
        raise InputError("Each of allowed_uses needs a reason.")
    choose_validity(now, request.not_before, request.not_after)
    return request


def preflight_to_parameters(request: PreflightRequest) -> dict[str, JsonValue]:
    return {"selection": request_to_record(request.selection)}


def parse_preflight(parameters: Parameters) -> PreflightRequest:
    """:raises InputError: if a parameter is unknown or wrong, or statuses are selected, which only an audit tells."""
    request = PreflightRequest(_JobParameters(parameters, {"selection"}).selection(default=EVERYTHING))
    require_request(request.selection)
    if request.selection.statuses:
        raise InputError(
            "A preflight opens no root session, so that it can't select by the status of root user credentials.",
            hint="Select by account, unit, tag or state.",
        )
    return request


def unlock_to_parameters(request: UnlockRequest) -> dict[str, JsonValue]:
    return {
        "account": request.account,
        "kind": request.kind.value,
        "resource": request.resource,
        "change": None if request.change is None else request.change.value,
        "regions": list(request.regions),
        "included_failsafes": sorted(request.included_failsafes),
        "shown_sha256": request.shown_sha256,
    }


def parse_unlock(parameters: Parameters, document: str | None) -> UnlockRequest:
    """:raises InputError: if a parameter is unknown or wrong, or change and document don't fit."""
    names = {"account", "kind", "resource", "change", "regions", "included_failsafes", "shown_sha256"}
    given = _JobParameters(parameters, names)
    change = given.make_error("change", ChangeKind)
    kind = given.make_error("kind", ResourceKind)
    account = given.text("account")
    if kind is None or account is None:
        raise InputError("An unlock needs an account, and a kind: s3 or sqs.")
    request = UnlockRequest(
        account=account,
        kind=kind,
        resource=given.text("resource"),
        change=change,
        regions=tuple(given.texts("regions")),
        included_failsafes=frozenset(parse_account_id(text) for text in given.texts("included_failsafes")),
        shown_sha256=given.text("shown_sha256"),
    )
    _require_unlock_fits(request, document)
    return request


def _require_unlock_fits(request: UnlockRequest, document: str | None) -> None:
    if request.resource is not None:
        require_resource_name(request.kind, request.resource)
    if request.change is not None and request.resource is None:
        raise InputError("Name the bucket or queue whose policy is meant.")
    puts = request.change in {ChangeKind.REPLACE, ChangeKind.RESTORE}
    if puts and document is None:
        raise InputError(f"The change {request.change} needs a policy.")
    if document is not None and not puts:
        raise InputError("Only replace and restore take a policy.")


def parse_wave_rules(parameters: Parameters) -> WaveRules:
    """What a deletion has beside its plan: ``waves``, as ``describe_waves`` writes them.

    :raises InputError: if a parameter is unknown or wrong.
    """
    _JobParameters(parameters, {"waves"})
    waves = parameters.get("waves")
    if waves is None:
        return WaveRules()
    if not isinstance(waves, Mapping):
        raise _wrong("waves", "an object")
    given = _JobParameters(waves, {"canary", "size", "pause_seconds", "stop_after_failures"})
    return WaveRules(
        canary=given.number("canary", 0),
        size=given.count("size"),
        pause_seconds=given.number("pause_seconds", 0),
        stop_after_failures=given.count("stop_after_failures"),
    )


def normalize_parameters(
    kind: JobKind, parameters: Parameters, document: str | None, now: datetime
) -> dict[str, JsonValue]:
    """The parameters with everything that was left out, of any kind but a deletion's, which are its plan's.

    :raises InputError: if one is unknown or wrong.
    """
    if kind is JobKind.UNLOCK:
        return unlock_to_parameters(parse_unlock(parameters, document))
    if document is not None:
        raise InputError(f"A job of kind {kind.value} takes no document.")
    if kind in {JobKind.DRIFT_CHECK, JobKind.LEDGER_VERIFICATION}:
        _JobParameters(parameters, set())
        return {}
    if kind is JobKind.AUDIT:
        return audit_to_parameters(parse_audit(parameters))
    if kind is JobKind.PREFLIGHT:
        return preflight_to_parameters(parse_preflight(parameters))
    return plan_to_parameters(parse_plan_request(parameters, now))


class _JobParameters:
    """Parameters as they were given, read one by one."""

    def __init__(self, parameters: Mapping[str, Any], known: set[str]) -> None:
        unknown = sorted(set(parameters) - known)
        if unknown:
            raise InputError(
                f"The parameter {unknown[0]!r} isn't known.", hint=f"Known are: {', '.join(sorted(known)) or 'none'}."
            )
        self._values = parameters

    def selection(self, default: SelectionRequest) -> SelectionRequest:
        record = self._values.get("selection")
        if record is None:
            return default
        if not isinstance(record, Mapping) or set(record) - set(_EMPTY_SELECTION):
            raise InputError("The selection can't be read.", hint=f"It has: {', '.join(_EMPTY_SELECTION)}.")
        try:
            return request_from_record({**_EMPTY_SELECTION, **record})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"The selection can't be read: {error}.") from error

    def flag(self, name: str) -> bool:
        return self._get(name, bool, "true or false") is True

    def text(self, name: str) -> str | None:
        found = self._get(name, str, "a text")
        return found if isinstance(found, str) else None

    def number(self, name: str, default: int) -> int:
        found = self._get(name, int, "a whole number")
        if isinstance(found, bool) or (isinstance(found, int) and found < 0):
            raise _wrong(name, "a whole number from 0 on")
        return found if isinstance(found, int) else default

    def count(self, name: str) -> int | None:
        if self._values.get(name) is None:
            return None
        found = self.number(name, 0)
        if found < 1:
            raise _wrong(name, "a whole number from 1 on")
        return found

    def texts(self, name: str) -> list[str]:
        found = self._get(name, list, "a list of texts") or []
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise _wrong(name, "a list of texts")
        return found

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        found = self._get(name, list, "a list of pairs of texts") or []
        pairs = [tuple(one) if isinstance(one, list) else () for one in found]
        if not all(len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in pairs):
            raise _wrong(name, "a list of pairs of texts")
        return tuple((account, reason) for account, reason in pairs)

    def make_error(self, name: str, kind: type[StrEnum]) -> Any:
        found = self.text(name)
        return None if found is None else self._choose(name, found, kind)

    def get_choices(self, name: str, kind: type[StrEnum], default: list[Any]) -> list[Any]:
        if self._values.get(name) is None:
            return default
        found = [self._choose(name, word, kind) for word in self.texts(name)]
        if not found:
            raise _wrong(name, f"some of {', '.join(kind)}")
        return found

    def instant(self, name: str) -> datetime | None:
        found = self.text(name)
        try:
            moment = None if found is None else datetime.fromisoformat(found)
        except ValueError as error:
            raise _wrong(name, "a time such as 2026-01-15T09:00:00Z") from error
        if moment is not None and moment.tzinfo is None:
            raise _wrong(name, "a time with its offset, such as 2026-01-15T09:00:00Z")
        return moment

    def _choose(self, name: str, word: str, kind: type[StrEnum]) -> Any:
        if word not in {one.value for one in kind}:
            raise _wrong(name, f"one of {', '.join(sorted(kind))}")
        return kind(word)

    def _get(self, name: str, kind: type[Any], what: str) -> Any:
        found = self._values.get(name)
        if found is not None and not isinstance(found, kind):
            raise _wrong(name, what)
        return found


def _wrong(name: str, what: str) -> InputError:
    return InputError(f"The parameter {name!r} must be {what}.")
