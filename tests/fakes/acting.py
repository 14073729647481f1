"""An acting context made of fakes: each service gets from it what the product's own gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from rootkeeper.acting import Acting
from rootkeeper.clock import Clock
from rootkeeper.errors import LedgerUnavailableError
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.settings.reading import load_settings
from rootkeeper.settings.sections import Settings

OPERATOR = Actor("operator", ActorKind.SELF_ASSERTED)


def make_settings(**sections: dict[str, Any]) -> Settings:
    """The defaults, with other values in some sections."""
    settings = load_settings(None, {}, Path("/nowhere"))
    return replace(settings, **{name: replace(getattr(settings, name), **sections[name]) for name in sections})


class Aws:
    """All calls to AWS, each of the first fake that has it."""

    def __init__(self, *fakes: object) -> None:
        self._fakes = fakes

    def reconnected(self) -> Aws:
        return self

    def __getattr__(self, name: str) -> Any:
        for fake in self._fakes:
            if hasattr(fake, name):
                return getattr(fake, name)
        raise AttributeError(name)


def refuse_spill() -> Any:
    raise LedgerUnavailableError("No spill file can be made.")


@dataclass
class FakeActing:
    """Stands in for ``Acting``."""

    clock: Clock
    aws: Aws
    ledger: Any
    locks: Any
    stores: tuple[object, ...]
    actor: Actor
    settings: Settings
    open_spill: Callable[[], Any]
    warn: Callable[[str], None]
    reread_pauses: tuple[float, ...]
    watch_source_name: str | None
    ledger_reader: Any

    def __post_init__(self) -> None:
        self.window_clock = self.clock

    def __getattr__(self, name: str) -> Any:
        if name in ("caller", "endpoint", "organization"):
            return getattr(self.aws, name)
        raise AttributeError(name)

    @property
    def organization_id(self) -> str:
        return str(self.organization.organization_id)

    def get_store(self, kind: type, *_: object) -> Any:
        return next(store for store in self.stores if isinstance(store, kind))


def make_acting(
    clock: Clock,
    *aws: object,
    ledger: object = None,
    locks: object = None,
    stores: Iterable[object] = (),
    actor: Actor = OPERATOR,
    settings: Settings | None = None,
    open_spill: Callable[[], Any] = refuse_spill,
    warn: Callable[[str], None] = lambda _: None,
    reread_pauses: tuple[float, ...] = (1.0, 2.0),
    watch_source_name: str | None = None,
    ledger_reader: object = None,
) -> Acting:
    """:param aws: fakes that have the calls."""
    acting = FakeActing(
        clock,
        Aws(*aws),
        ledger,
        locks,
        tuple(stores),
        actor,
        settings or make_settings(),
        open_spill,
        warn,
        reread_pauses,
        watch_source_name,
        ledger_reader or ledger,
    )
    return cast("Acting", acting)
