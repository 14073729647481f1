"""The anchor: heads of the ledger, kept at intervals in a place of its own.

Whoever can rewrite the database can rewrite every hash in it, but not what stands here: so a ledger that was cut or
written anew shows. An adoption is a line too, and says up to where the lines before it still count.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rootkeeper.domain.ledger import JsonValue, canonical_json
from rootkeeper.storage.line_files import cut_torn_end, open_locked, read_last_line, read_lines, write_line
from rootkeeper.storage.transactions import Head


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    """One line of the anchor."""

    at: str
    head: Head
    agreed_sequence: int | None = None
    """Of an adoption: the last anchored sequence at which anchor and database still agree."""
    adopted_over: Head | None = None
    """Of an adoption: the head that anchor or mirror knew."""

    @property
    def is_adoption(self) -> bool:
        return self.agreed_sequence is not None

    def render(self) -> str:
        content: dict[str, JsonValue] = {"at": self.at, **_describe(self.head)}
        if self.agreed_sequence is not None:
            content["agreed_sequence"] = self.agreed_sequence
            content["adopted_over"] = None if self.adopted_over is None else _describe(self.adopted_over)
        return canonical_json(content)


class Anchor:
    """One anchor file, shared by all processes that write to the database."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find_last(self) -> AnchoredHead | None:
        """:raises OSError: if it can't be read."""
        try:
            with self.path.open("rb") as handle:
                line = read_last_line(handle)
        except FileNotFoundError:
            return None
        return None if line is None else _parse(line)

    def append(self, anchored: AnchoredHead, wait_seconds: float) -> None:
        """Add a head durably, unless it isn't beyond the last one.

        :raises OSError: if it can't be written.
        """
        with open_locked(self.path, wait_seconds) as handle:
            cut_torn_end(handle)
            line = read_last_line(handle)
            last = None if line is None else _parse(line)
            if last is not None and not anchored.is_adoption and anchored.head.sequence <= last.head.sequence:
                return
            cut_torn_end(handle)
            write_line(handle, anchored.render(), durably=True)

    def read_heads(self) -> tuple[AnchoredHead, ...]:
        """The heads that count, in order of their sequence: those that an adoption overruled are left out.

        :raises OSError: if it can't be read.
        """
        heads: list[AnchoredHead] = []
        for line in read_lines(self.path):
            anchored = _parse(line)
            if anchored is None:
                continue
            if anchored.agreed_sequence is not None:
                heads = [head for head in heads if head.head.sequence <= anchored.agreed_sequence]
            heads.append(anchored)
        return tuple(heads)


def _describe(head: Head) -> dict[str, JsonValue]:
    return {"sequence": head.sequence, "entry_hash": head.entry_hash, "organization_id": head.organization_id}


def _parse_head(fields: dict[str, object]) -> Head:
    return Head(int(str(fields["sequence"])), str(fields["entry_hash"]), str(fields["organization_id"]))


def _parse(line: bytes) -> AnchoredHead | None:
    try:
        fields = json.loads(line)
        adopted_over = fields.get("adopted_over")
        agreed_sequence = fields.get("agreed_sequence")
        return AnchoredHead(
            at=str(fields["at"]),
            head=_parse_head(fields),
            agreed_sequence=None if agreed_sequence is None else int(agreed_sequence),
            adopted_over=None if adopted_over is None else _parse_head(adopted_over),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
