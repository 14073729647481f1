"""Options that several commands share.

The rules that they make requests for are imported when a request is made: help and completion of a shell need none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from click import IntRange

from rootkeeper.cli.outputs import ExitStatus, OptionSet, argument, comma_list, option
from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import AccountState, parse_account_id
from rootkeeper.organization.statuses import (
    FAIL_ON_FINDINGS,
    KIND_ORDER,
    CredentialKind,
    FailOn,
    Status,
    include_unread,
)
from rootkeeper.values import TIMES_ALLOWED, parse_duration, require_usable_time

if TYPE_CHECKING:
    from rootkeeper.cli.operator.interface import PeriodRequest
    from rootkeeper.deletion.rules import DeletionOptions, WaveRules
    from rootkeeper.organization.selection import NamedAccount, SelectionRequest
    from rootkeeper.windows.credentials import CredentialsStatement
    from rootkeeper.windows.rules import WindowRequest


def _fail_on_option(default: str) -> Any:
    explanation = (
        "Findings that make the exit status 1. If there are none, but an account couldn't be read, it is 5. "
        f"Default: {default}."
    )
    words = (FailOn.PRESENT, FailOn.UNKNOWN, FailOn.UNREAD, FailOn.NONE)
    return comma_list("--fail-on present,unknown,unread,none", words, explanation)


@dataclass(frozen=True, slots=True)
class FailOnOptions(OptionSet):
    """Findings that make the answer of a reading command bad."""

    fail_on: Annotated[list[str] | None, _fail_on_option("present,unknown")] = None
    default: ClassVar[frozenset[FailOn]] = FAIL_ON_FINDINGS

    def to_set(self) -> frozenset[FailOn]:
        """Read the words, given with commas or by repeating the option.

        :raises InputError: if a word is unknown, or ``none`` is given with others.
        """
        texts = self.fail_on
        if not texts:
            return self.default
        words = {word.strip() for text in texts for word in text.split(",")}
        known = {entry.value: entry for entry in FailOn}
        if words - known.keys() or (FailOn.NONE.value in words and len(words) > 1):
            raise InputError(
                f"--fail-on {','.join(texts)} isn't valid.",
                hint="Use present, unknown or unread, several with commas, or none alone.",
            )
        return include_unread(known[word] for word in words)


@dataclass(frozen=True, slots=True)
class PlanFailOnOptions(FailOnOptions):
    """Findings that make a plan bad: by default none, because credentials to delete are a plan's purpose."""

    fail_on: Annotated[list[str] | None, _fail_on_option("none")] = None
    default: ClassVar[frozenset[FailOn]] = frozenset({FailOn.NONE})


def gate(fail_on: frozenset[FailOn], has_findings: Callable[[frozenset[FailOn]], bool]) -> ExitStatus:
    """Choose the exit status of ``--fail-on``; findings come before accounts that weren't read."""
    if has_findings(fail_on - {FailOn.UNREAD}):
        return ExitStatus.BAD
    return ExitStatus.UNREAD if has_findings(fail_on & {FailOn.UNREAD}) else ExitStatus.GOOD


_LENGTH = re.compile(r"\d+[dhms]")
_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=3650)


def parse_moment(text: str, option: str, now: datetime, *, day_ends: bool) -> datetime:
    """Parse a date, a date with time, or a length of time from now. A time without a zone is UTC.

    :param day_ends: whether a date alone means its last second or its first.
    :raises InputError: if it is none of these.
    """
    if _LENGTH.fullmatch(text.strip()):
        return now + parse_duration(text, option=option, shortest=_SHORTEST, longest=_LONGEST)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError(
            f"{option} {text!r} is not a date.", hint="Use 2026-12-31, 2026-12-31T18:00Z, or a length such as 30d."
        ) from error
    if re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", text.strip()):
        moment = datetime.combine(moment.date(), time(23, 59, 59) if day_ends else time())
    try:
        return require_usable_time(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment)
    except ValueError as error:
        raise InputError(f"{option} {text!r} is out of range.", hint=f"Allowed: {TIMES_ALLOWED}.") from error


def parse_past_moment(text: str, option: str, now: datetime, *, day_ends: bool) -> datetime:
    """Parse the same, except that a length of time means that long before ``now``.

    :raises InputError: if it is none of these.
    """
    if _LENGTH.fullmatch(text.strip()):
        return now - parse_duration(text, option=option, shortest=_SHORTEST, longest=_LONGEST)
    return parse_moment(text, option, now, day_ends=day_ends)


StaleAfterOption = Annotated[
    str | None,
    option(
        "--stale-after LENGTH",
        "A reading older than this at the period's end is unknown. Default: the setting history.stale_after.",
    ),
]


def parse_stale_after(text: str | None) -> timedelta | None:
    """Parse ``--stale-after``; ``None`` if it isn't given.

    :raises InputError: if the length can't be understood.
    """
    if text is None:
        return None
    return parse_duration(text, option="--stale-after", shortest=_SHORTEST, longest=_LONGEST)


def parse_period(
    start: str, end: str | None, now: datetime, organization: str | None, stale_after: str | None = None
) -> PeriodRequest:
    """Parse ``--from`` and ``--to``. A length of time is that long before the period's end.

    :raises InputError: if a text can't be understood.
    """
    from rootkeeper.cli.operator.interface import PeriodRequest
    from rootkeeper.evidence.rules import Period, end_second

    last = end_second(now) if end is None else parse_past_moment(end, "--to", now, day_ends=True)
    period = Period(parse_past_moment(start, "--from", last, day_ends=False), last)
    return PeriodRequest(period, end is None, organization, parse_stale_after(stale_after))


def parse_range(start: str | None, end: str | None, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Parse ``--from`` and ``--to`` of a list, which may both be left out. The whole last second belongs to it.

    :raises InputError: if a text can't be understood, or the end isn't after the start.
    """
    from rootkeeper.evidence.rules import Period, require_period

    last = None if end is None else parse_past_moment(end, "--to", now, day_ends=True).replace(microsecond=999_999)
    first = None if start is None else parse_past_moment(start, "--from", last or now, day_ends=False)
    if first is not None and last is not None:
        require_period(Period(first, last))
    return first, last


AccountArgument = Annotated[str, argument("ACCOUNT", "An account id or unique name.")]


@dataclass(frozen=True, slots=True)
class PaceOptions(OptionSet):
    """How fast AWS is called."""

    api_share: Annotated[
        int | None,
        option(
            "--api-share PERCENT",
            "Most of AWS's published request rates to use. Default: 100, reached only while AWS throttles nothing.",
            type=IntRange(1, 100),
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class RecoveryOptions(OptionSet):
    """A request for recovery windows; the same for ``recover`` and ``windows request``."""

    reason: Annotated[str, option("--reason", "Why the root user is needed.")]
    ticket: Annotated[str | None, option("--ticket", "The ticket or change number.")] = None
    duration: Annotated[
        str | None,
        option(
            "--for LENGTH",
            "How long the window is open, from 10s to 72h. Default: the setting windows.default_length, 4h.",
        ),
    ] = None
    drill: Annotated[
        bool,
        option(
            "--drill",
            "Mark the window as a drill; nothing else changes: recover opens it, waits until its end, and closes it.",
        ),
    ] = False
    existing_login: Annotated[
        bool,
        option(
            "--existing-login",
            "For an account with a root password: govern this login. Nothing is opened in AWS; at the end the login is "
            "deleted.",
        ),
    ] = False

    def to_request(self, account: str, longest: timedelta, *, is_emergency: bool) -> WindowRequest:
        """Make the request for an account.

        :raises InputError: if the length can't be understood.
        """
        from rootkeeper.windows.rules import SHORTEST_DURATION, WindowRequest

        seconds = None
        if self.duration is not None:
            length = parse_duration(self.duration, option="--for", shortest=SHORTEST_DURATION, longest=longest)
            seconds = int(length.total_seconds())
        return WindowRequest(
            account=account,
            reason=self.reason,
            ticket=self.ticket,
            duration_seconds=seconds,
            is_drill=self.drill,
            is_emergency=is_emergency,
            governs_login=self.existing_login,
        )


@dataclass(frozen=True, slots=True)
class CredentialsOptions(OptionSet):
    """A person's statement on AWS credentials with an unreadable end; for commands that open a window themselves."""

    credentials_end: Annotated[
        str | None,
        option(
            "--credentials-end TIME", "When your AWS credentials end, if it can't be read: 2026-12-31T18:00Z or 2h."
        ),
    ] = None
    credentials_outlive_window: Annotated[
        bool,
        option(
            "--credentials-outlive-window",
            "You know that your AWS credentials are valid until the window is closed, although it can't be read.",
        ),
    ] = False

    def to_statement(self, now: datetime) -> CredentialsStatement:
        """:raises InputError: if the time can't be understood, or both are given."""
        from rootkeeper.windows.credentials import CredentialsStatement

        if self.credentials_end is None:
            return CredentialsStatement(outlive_window=self.credentials_outlive_window)
        if self.credentials_outlive_window:
            raise InputError(
                "--credentials-end and --credentials-outlive-window are both given.", hint="Use one of them."
            )
        return CredentialsStatement(parse_moment(self.credentials_end, "--credentials-end", now, day_ends=False))


_selector = partial(option, panel="Selection")


@dataclass(frozen=True, slots=True)
class SelectionOptions(OptionSet):
    """The options that select accounts; the same for every command."""

    accounts: Annotated[list[str] | None, argument("ACCOUNT", "Account ids or unique names.")] = None
    ou: Annotated[list[str] | None, _selector("--ou ID|PATH", "An organizational unit and everything below it.")] = None
    tag: Annotated[list[str] | None, _selector("--tag KEY=VALUE", "Only accounts with this tag.")] = None
    account_state: Annotated[
        list[AccountState] | None, _selector("--account-state", "Only accounts in this state.")
    ] = None
    status: Annotated[
        list[Status] | None, _selector("--status", "Only accounts with this status of root user credentials.")
    ] = None
    exclude: Annotated[list[str] | None, _selector("--exclude ACCOUNT|OU", "Leave out these accounts or units.")] = None
    from_file: Annotated[Path | None, _selector("--from-file FILE", "A file with one account per line.")] = None
    all_accounts: Annotated[bool, _selector("--all", "Every account of the organization.")] = False
    include_failsafe: Annotated[
        list[str] | None, _selector("--include-failsafe ID", "Include this delegated administrator.")
    ] = None

    def to_request(self) -> SelectionRequest:
        """Make the request, without reading the organization.

        :raises InputError: if a file can't be read, or an option can't be understood.
        """
        for text in self.accounts or ():
            if text.isdigit():  # meant as an account id, so it is checked before any call
                parse_account_id(text)
        from rootkeeper.organization.selection import NamedAccount, SelectionRequest, parse_account_list, parse_tag

        listed: tuple[NamedAccount, ...] = ()
        if self.from_file is not None:
            try:
                listed = parse_account_list(self.from_file.read_text(encoding="utf-8-sig"), str(self.from_file))
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or "it isn't UTF-8 text"
                raise InputError(
                    f"{self.from_file} can't be read: {why}.", hint="Use a text file with one account per line."
                ) from error
        return SelectionRequest(
            named=(*map(NamedAccount, self.accounts or ()), *listed),
            organizational_units=tuple(self.ou or ()),
            tags=tuple(parse_tag(text) for text in self.tag or ()),
            account_states=frozenset(self.account_state or ()),
            statuses=frozenset(self.status or ()),
            excluded=tuple(self.exclude or ()),
            everything=self.all_accounts,
            included_failsafes=frozenset(parse_account_id(text) for text in self.include_failsafe or ()),
        )

    def to_request_or_everything(self) -> SelectionRequest:
        """Make the request of a command that reads the whole organization without a selection.

        :raises InputError: as ``to_request``.
        """
        request = self.to_request()
        return replace(request, everything=True) if request.is_empty else request


@dataclass(frozen=True, slots=True)
class DeletionChoices(OptionSet):
    """The choices of a deletion; for ``plan`` and ``delete``."""

    only: Annotated[
        list[str] | None,
        comma_list(
            "--only KIND,…",
            KIND_ORDER,
            "Delete only these kinds: password, access_keys, signing_certificates, mfa_devices.",
        ),
    ] = None
    allow_recently_used: Annotated[
        list[str] | None,
        option(
            "--allow-recently-used ACCOUNT",
            "Delete from this account although its password or a key was used recently; needs --reason.",
        ),
    ] = None
    reason: Annotated[
        list[str] | None,
        option("--reason", "The reason for --allow-recently-used: one for all accounts, or one for each."),
    ] = None

    def to_options(
        self, recently_used_days: int, *, not_before: datetime | None = None, not_after: datetime | None = None
    ) -> DeletionOptions:
        """:raises InputError: if a kind is unknown, or reasons and accounts don't match."""
        from rootkeeper.deletion.rules import DeletionOptions

        return DeletionOptions(
            only=_parse_kinds(self.only),
            allowed_uses=self._pair_reasons(),
            recent=timedelta(days=recently_used_days),
            not_before=not_before,
            not_after=not_after,
        )

    def _pair_reasons(self) -> dict[str, str]:
        accounts, reasons = self.allow_recently_used or [], [text.strip() for text in self.reason or []]
        if accounts and (not reasons or not all(reasons)):
            raise InputError("--allow-recently-used needs a reason.", hint="Add --reason TEXT.")
        if len(reasons) > 1 and len(reasons) != len(accounts):
            raise InputError(
                f"--allow-recently-used names {len(accounts)} accounts, but there are {len(reasons)} reasons.",
                hint="Use one --reason for all, or one for each in the same order.",
            )
        if reasons and not accounts:
            raise InputError("--reason needs --allow-recently-used.", hint="Add --allow-recently-used ACCOUNT.")
        return dict(zip(accounts, reasons * len(accounts) if len(reasons) == 1 else reasons, strict=True))


def _parse_kinds(texts: list[str] | None) -> frozenset[CredentialKind]:
    from rootkeeper.changes.removal_rules import ALL_KINDS

    if not texts:
        return ALL_KINDS
    words = {word.strip() for text in texts for word in text.split(",")}
    known = {kind.value for kind in CredentialKind}
    if words - known:
        raise InputError(
            f"--only {','.join(texts)} names an unknown kind.", hint=f"Use one or more of {', '.join(sorted(known))}."
        )
    return frozenset(CredentialKind(word) for word in words)


_wave_option = partial(option, panel="Waves")


@dataclass(frozen=True, slots=True)
class WaveOptions(OptionSet):
    """In which waves a deletion proceeds; for ``delete`` and ``apply``."""

    canary: Annotated[
        int | None, _wave_option("--canary N", "Delete from N accounts first; continue only if all of them succeed.")
    ] = None
    wave: Annotated[int | None, _wave_option("--wave N", "Delete from N accounts at a time.")] = None
    pause: Annotated[str | None, _wave_option("--pause LENGTH", "Wait between waves, such as 30s.")] = None
    stop_after_failures: Annotated[
        int | None,
        _wave_option("--stop-after-failures N", "Stop beginning accounts when N have failed or aren't proven."),
    ] = None

    def to_rules(self) -> WaveRules:
        """:raises InputError: if a number isn't positive, or a pause is given without waves."""
        from rootkeeper.deletion.rules import WaveRules

        for name, number in (
            ("--canary", self.canary),
            ("--wave", self.wave),
            ("--stop-after-failures", self.stop_after_failures),
        ):
            if number is not None and number < 1:
                raise InputError(f"{name} is {number}, but it counts accounts.", hint="Use 1 or more, or leave it out.")
        if self.pause is not None and self.wave is None and self.canary is None:
            raise InputError("--pause needs waves.", hint="Add --canary N or --wave N.")
        pause = timedelta()
        if self.pause is not None:
            longest = timedelta(hours=24)
            pause = parse_duration(self.pause, option="--pause", shortest=timedelta(seconds=1), longest=longest)
        return WaveRules(self.canary or 0, self.wave, int(pause.total_seconds()), self.stop_after_failures)
