"""Whether the AWS credentials that open a recovery window can also close it. Pure.

A window that outlives them stays open: everyone who reads the root mailbox can sign in, and Rootkeeper can't delete the
password. So an end that can't be read doesn't count as no end. A person who knows it can state it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rootkeeper.aws.rules import CredentialsLifetime, Lifetime
from rootkeeper.errors import AwsCredentialsError, Hint, make_setting_hint
from rootkeeper.values import render_duration
from rootkeeper.windows.rules import SHORTEST_DURATION

CLOSING_TAKES = timedelta(seconds=60)
"""How long the credentials must outlast a window."""
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class CredentialsStatement:
    """A person's statement about credentials without a readable end."""

    end: datetime | None = None
    outlive_window: bool = False
    can_be_made: bool = True
    """Whether a person can state anything; not about a server's own credentials."""

    @property
    def is_made(self) -> bool:
        return self.outlive_window or self.end is not None

    @property
    def text(self) -> str:
        return f"they end at {_show(self.end)}" if self.end else "they outlive the window"


NOT_STATED = CredentialsStatement()
OF_SERVER = CredentialsStatement(can_be_made=False)
"""For work of a server, which uses its own credentials."""

_RENEW_SERVER = "Give the server AWS credentials that are renewed without a person."


def require_credentials_outlive(
    found: CredentialsLifetime, closes_at: datetime, now: datetime, stated: CredentialsStatement = NOT_STATED
) -> None:
    """Require that the operator's credentials can still close a window that ends at ``closes_at``.

    :param stated: replaces an end that can't be read; of two ends the earlier counts.
    :raises AwsCredentialsError: if they may not be able to; it names the longest window that is possible now.
    """
    is_unknown = found.lifetime is Lifetime.UNKNOWN and not stated.is_made
    ends = [stated.end] if stated.end else []
    if is_unknown or found.lifetime is Lifetime.ENDING:
        ends.append(found.usable_until or now)
    if not ends or closes_at + CLOSING_TAKES <= min(ends):
        return
    longest = _round_down(min(ends) - CLOSING_TAKES - now)
    what = f"the window would close at {_show(closes_at)}. {_describe_longest(longest, now)} Nothing was changed."
    if is_unknown:
        at_least = f" They can be used until {_show(found.usable_until)} at least;" if found.usable_until else " And"
        message = f"It can't be read when the AWS credentials end: {found.doubt}.{at_least} {what}"
        raise AwsCredentialsError(message, hint=_hint_at_statement(longest, stated))
    message = f"The AWS credentials can be used until {_show(min(ends))}, and closing takes a minute; {what}"
    raise AwsCredentialsError(message, hint=_hint_at_renewal(longest, stated))


def _round_down(length: timedelta) -> timedelta | None:
    """Round down to minutes, or to seconds below a minute; ``None`` if it is too short for any window."""
    unit = _MINUTE if length >= _MINUTE else timedelta(seconds=1)
    rounded = length // unit * unit
    return rounded if rounded >= SHORTEST_DURATION else None


def _describe_longest(longest: timedelta | None, now: datetime) -> str:
    if longest is None:
        return "No window is possible with them now."
    return f"The longest window possible now is {render_duration(longest)}, until {_show(now + longest)}."


def _or_shorter(longest: timedelta | None) -> str:
    return "" if longest is None else " Or choose a shorter window."


def _hint_at_statement(longest: timedelta | None, stated: CredentialsStatement) -> str:
    if not stated.can_be_made:
        text = f"{_RENEW_SERVER} If its present ones are, its settings can say so.{_or_shorter(longest)}"
        return make_setting_hint(text, "aws.credentials_renewed")
    text = "Use credentials that are renewed without a person. If these are, the settings can say so."
    if longest is None:
        return Hint(text, "window.credentials_end")
    return Hint(text, "window.credentials_end_or_shorter", longest=render_duration(longest))


def _hint_at_renewal(longest: timedelta | None, stated: CredentialsStatement) -> str:
    if not stated.can_be_made:
        return f"{_RENEW_SERVER}{_or_shorter(longest)}"
    text = "Sign in again for longer, or use credentials that renew themselves."
    if longest is None:
        return text
    return Hint(f"{text}{_or_shorter(longest)}", "window.shorter", longest=render_duration(longest))


def _show(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S UTC}"
