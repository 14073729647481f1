"""AWS's time, as the Date header of each answer shows it.

A machine's clock may be wrong or jump. So windows are due by AWS's time, which the monotonic clock carries from one
answer to the next, and requests are signed with it: AWS refuses signatures of a clock that is off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.auth import AUTH_TYPE_MAPS, SIGV4_TIMESTAMP, S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

from rootkeeper.clock import Clock

_RESOLUTION = timedelta(seconds=1)
"""A Date header has no fractions of a second. Source: RFC 9110, section 5.6.7."""


def parse_date(header: str | None) -> datetime | None:
    """Parse a Date header as UTC; ``None`` if it isn't a date."""
    try:
        moment = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def measure_offset(dated_at: datetime, began_at: datetime, took: timedelta) -> timedelta:
    """Measure how far the clock of ``began_at`` is at least ahead of the clock that dated the answer.

    The answer was dated at some time during the call, so a difference within the call's duration isn't an offset.

    :param took: the call's duration, by a monotonic clock.
    """
    if dated_at + _RESOLUTION < began_at:
        return began_at - dated_at - _RESOLUTION
    if dated_at > began_at + took:
        return began_at + took - dated_at
    return timedelta()


SIGNATURE_SKEW = timedelta(minutes=5)
"""AWS refuses signatures of a clock that differs by more. Source: AWS General Reference, Signature Version 4."""

_SKEW_CODES = frozenset(
    {
        "AuthFailure",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
"""Codes of refused signatures, also if only their time is wrong. Source: AWS SDKs for Go and JavaScript."""

_SIGNED_AT = "rootkeeper_signed_at"
_SENT = "rootkeeper_sent"
_SENT_AGAIN = "rootkeeper_sent_again"
"""Keys in botocore's context of a call."""


class LatestClock:
    """Implements ``Clock``: AWS's time by its latest answers, and the machine's time before the first; safe in many
    threads.

    An answer shows AWS's time only within bounds: it was dated after the request left, and before it came. A time
    within the bounds stays, so the machine's time is kept where it is right. A time outside is moved to the nearer
    bound. In between, the monotonic clock counts, so a jump of the machine's clock moves nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._learned: tuple[datetime, float] | None = None
        """AWS's time, and when it was learned, in monotonic seconds."""
        self._learning = threading.Lock()

    def now(self) -> datetime:
        return self.find_aws_time() or self._clock.now()

    def find_aws_time(self) -> datetime | None:
        """Return AWS's time now, to sign with it; ``None`` before the first answer."""
        learned = self._learned
        if learned is None:
            return None
        at, learned_at = learned
        return at + timedelta(seconds=self._clock.monotonic() - learned_at)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def learn(self, dated_at: datetime, sent: float) -> None:
        """Learn from an answer, also from a refusal.

        :param sent: when the request left, in monotonic seconds.
        """
        with self._learning:
            monotonic = self._clock.monotonic()
            latest = dated_at + _RESOLUTION + timedelta(seconds=max(0.0, monotonic - sent))
            self._learned = min(max(self.now(), dated_at), latest), monotonic

    def time_calls(self, session: Session) -> None:
        """Sign the calls of ``session`` with AWS's time, and learn it from each answer. Its clients are created later.

        A call that AWS refused for the time of its signature is sent once more. The refusal proves that nothing was
        done, and the handlers before a request leaves, such as the check of its intent, run again.
        """
        register: Callable[..., None] = session.register
        register("before-sign", self._note_signing)
        register("response-received", self._learn_from)
        register("needs-retry", self._find_retry)

    def _note_signing(self, request: AWSRequest, **_: object) -> None:
        request.context[_SENT] = self._clock.monotonic()
        request.context[_SIGNED_AT] = self.find_aws_time()

    def _learn_from(self, response_dict: Mapping[str, Any] | None, context: Mapping[str, Any], **_: object) -> None:
        dated_at = None if response_dict is None else parse_date(response_dict["headers"].get("date"))
        if dated_at is not None and _SENT in context:
            self.learn(dated_at, context[_SENT])

    def _find_retry(
        self, response: tuple[Any, Mapping[str, Any]] | None, request_dict: Mapping[str, Any], **_: object
    ) -> int | None:
        """Return 0 seconds as the pause before the call is sent again; ``None`` if this isn't the reason."""
        context = request_dict["context"]
        refused = response is not None and response[1].get("Error", {}).get("Code") in _SKEW_CODES
        if not refused or _SENT_AGAIN in context or "timestamp" not in context:
            return None
        signed_at = datetime.strptime(context["timestamp"], SIGV4_TIMESTAMP).replace(tzinfo=UTC)
        if abs(self.now() - signed_at) < SIGNATURE_SKEW - _RESOLUTION:
            return None
        context[_SENT_AGAIN] = True
        return 0


class _AwsTimeAuth(SigV4Auth):
    """Signs with AWS's time where a call has it, and with the machine's time otherwise."""

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        signed_at = request.context.get(_SIGNED_AT)
        if signed_at is not None:
            request.context["timestamp"] = signed_at.strftime(SIGV4_TIMESTAMP)
        super()._modify_request_before_signing(request)  # type: ignore[misc]  # botocore's stubs lack it


class _S3AwsTimeAuth(_AwsTimeAuth, S3SigV4Auth):
    """The same for S3."""


AUTH_TYPE_MAPS.update({"v4": _AwsTimeAuth, "s3v4": _S3AwsTimeAuth})
