"""How a use case tells how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told from many threads; never raises."""

    def start(self, label: str, total: int | None) -> None:
        """``total`` is ``None`` while it isn't known."""
        ...

    def set_total(self, total: int) -> None:
        """The total that has become known meanwhile, such as when the last account is listed."""
        ...

    def advance(self, *, present: int = 0, unknown: int = 0) -> None:
        """One account is done; ``present`` and ``unknown`` count it."""
        ...

    def remark(self, text: str) -> None:
        """One line for the person, beside the data."""
        ...

    def finish(self) -> None: ...
