"""An anchor of the ledger in an S3 bucket with Object Lock: no one can change or delete a head before its retention.

Each head is an object. Its key has all that a comparison needs, so that a listing of the bucket's versions reads
them all. Keys begin with numbers that fall, because S3 lists keys upwards and the newest head must come first. An
adoption comes before the heads after it, so that a head counts only if its adoption is there. Other objects are
ignored: a person who may write to the bucket can add objects, but can hide heads only by an adoption, which the ledger
must record.

Source: Amazon S3 API Reference, API version 2006-03-01, PutObject and ListObjectVersions; Amazon S3 User Guide,
"Locking objects with Object Lock".
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rootkeeper.clock import Clock
from rootkeeper.errors import RootkeeperError
from rootkeeper.ledger.anchor import AnchoredHead, drop_replaced, require_complete
from rootkeeper.ledger.writer import Head
from rootkeeper.values import render_time

if TYPE_CHECKING:
    from rootkeeper.aws.clients import ServiceCalls
    from rootkeeper.aws.errors import AwsResponse

_LAST_ADOPTION = 10**4 - 1
_LAST_SEQUENCE = 10**12 - 1
_KEY = re.compile(r"(\d{4})-(\d{12})-(\d{1,12})-([0-9a-f]{64})(?:-adopted-(\d{1,12}))?\.json")
_FIRST_PAGE = 10
"""Of the newest head; delete markers may come before it."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A head in the bucket."""

    adoptions: int
    """How often the ledger was adopted before it, or with it."""
    anchored: AnchoredHead

    @property
    def is_adoption(self) -> bool:
        return self.anchored.is_adoption

    @property
    def sequence(self) -> int:
        return self.anchored.head.sequence


class S3Anchor:
    """Implements ``Anchor``."""

    pause_seconds = 60.0
    """Each head is a paid call and an object for years."""
    entry_limit: int | None = None
    path: Path | None = None

    def __init__(
        self, calls: Callable[[], ServiceCalls], bucket: str, prefix: str, retention: timedelta, clock: Clock
    ) -> None:
        """:param calls: opens the calls to S3 when the first call is made.
        :param prefix: of the keys; empty, or with a slash at its end.
        """
        self._open_calls = calls
        self._bucket = bucket
        self._prefix = prefix
        self._retention = retention
        self._clock = clock
        self.place = f"s3://{bucket}/{prefix}"

    def is_missing(self) -> bool:
        return self._find_newest() is None

    def find_last(self) -> AnchoredHead | None:
        """Call s3:ListBucketVersions once."""
        found = self._find_newest()
        return None if found is None else found.anchored

    def append(self, anchored: AnchoredHead, *, holds: int | None = None) -> None:
        """Make two calls: s3:ListBucketVersions; s3:PutObject with a retention, which needs s3:PutObjectRetention.

        There is no lock: of two processes, S3 keeps the heads of both.
        """
        newest = self._find_newest()
        require_complete(self.place, None if newest is None else newest.anchored.head, holds)
        adoptions = 0 if newest is None else newest.adoptions
        if anchored.is_adoption:
            adoptions += 1
        elif newest is not None and anchored.head.sequence <= newest.anchored.head.sequence:
            return
        body = anchored.render().encode() + b"\n"
        self._call(
            "PutObject",
            Key=self._prefix + _make_key(anchored, adoptions),
            Body=body,
            ContentType="application/json",
            ChecksumSHA256=base64.b64encode(hashlib.sha256(body).digest()).decode(),
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=self._clock.now() + self._retention,
        )

    def read_heads(self) -> tuple[AnchoredHead, ...]:
        """Call s3:ListBucketVersions for each 1,000 heads."""
        found = sorted(self._list_heads(1000), key=lambda head: (head.adoptions, not head.is_adoption, head.sequence))
        return drop_replaced(head.anchored for head in found)

    def set_aside(self, suffix: str) -> None:
        """Do nothing: objects that aren't heads are ignored."""

    def _find_newest(self) -> _Found | None:
        heads = self._list_heads(_FIRST_PAGE)
        newest = next(heads, None)
        if newest is None or not newest.is_adoption:
            return newest
        for found in heads:
            if found.adoptions != newest.adoptions:
                break
            newest = max(newest, found, key=lambda head: head.sequence)
            if not found.is_adoption:
                break
        return newest

    def _list_heads(self, page_size: int) -> Iterator[_Found]:
        """List the heads, the newest first, but each adoption before the heads after it.

        Delete markers hide nothing, because every version is listed.
        """
        adoptions = {0}
        marker: dict[str, str] = {}
        while True:
            answer = self._call("ListObjectVersions", Prefix=self._prefix, MaxKeys=page_size, **marker)
            for version in answer.get("Versions") or ():
                found = self._parse(version)
                if found is not None and (found.is_adoption or found.adoptions in adoptions):
                    adoptions.add(found.adoptions)
                    yield found
            if not answer.get("IsTruncated"):
                return
            names = {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"}
            following = {name: str(answer[given]) for name, given in names.items() if answer.get(given) is not None}
            if following == marker:
                raise OSError(f"the pages of {self.place} repeat")
            marker = following

    def _parse(self, version: AwsResponse) -> _Found | None:
        match = _KEY.fullmatch(str(version.get("Key", "")).removeprefix(self._prefix))
        if match is None:
            return None
        adoptions, falling, sequence, entry_hash, agreed = match.groups()
        if int(falling) != _fall(int(sequence), is_adoption=agreed is not None):
            return None
        at = version.get("LastModified")
        head = Head(int(sequence), entry_hash)
        anchored = AnchoredHead(
            at=render_time(at.astimezone(UTC)) if isinstance(at, datetime) else "",
            head=head,
            agreed_sequence=None if agreed is None else int(agreed),
        )
        return _Found(_LAST_ADOPTION - int(adoptions), anchored)

    def _call(self, operation: str, **parameters: object) -> AwsResponse:
        """:raises OSError: if AWS can't be asked, or refuses."""
        try:
            return self._open_calls().read(operation, target=self._bucket, Bucket=self._bucket, **parameters)
        except RootkeeperError as error:
            raise OSError(f"{self.place}: {error.message}") from error


def _fall(sequence: int, *, is_adoption: bool) -> int:
    """Return the number by which S3 sorts the heads of an adoption; the adoption itself comes first."""
    return 0 if is_adoption else _LAST_SEQUENCE - sequence


def _make_key(anchored: AnchoredHead, adoptions: int) -> str:
    sequence = anchored.head.sequence
    adopted = "" if anchored.agreed_sequence is None else f"-adopted-{anchored.agreed_sequence}"
    rank = f"{_LAST_ADOPTION - adoptions:04d}-{_fall(sequence, is_adoption=anchored.is_adoption):012d}"
    return f"{rank}-{sequence}-{anchored.head.entry_hash}{adopted}.json"
