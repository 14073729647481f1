"""What ``users`` and ``token`` share: they work on the database, beside a running server too, mostly without AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.confirmation import ChangeContext, ChangeOptions, Confirmation
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.domain.access import Identity, IdentityKind, ServerRole
from rootkeeper.domain.identity_names import fold_name

if TYPE_CHECKING:
    from datetime import datetime

    from rootkeeper.bootstrap import Application
    from rootkeeper.bootstrap.application import LedgerIdentity
    from rootkeeper.workflows.access import IdentityService
    from rootkeeper.workflows.factors import FactorService
    from rootkeeper.workflows.sessions import SessionEnder

OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name, as list shows it.")]
RoleOption = Annotated[ServerRole, typer.Option("--role", help="What it may do.")]


@dataclass(frozen=True, slots=True)
class IdentityAdministration:
    """Where users and tokens are kept, and in whose name."""

    invocation: Invocation
    application: Application
    output: OutputFormat
    keeping: IdentityService
    context: ChangeContext
    who: LedgerIdentity

    @property
    def factor_service(self) -> FactorService:
        return self.application.factor_service_as(self.who)

    @property
    def session_ender(self) -> SessionEnder:
        return self.application.session_ender_as(self.who)

    @property
    def now(self) -> datetime:
        return self.application.clock.now()

    def announce(self, statement: str) -> None:
        """Name organization and endpoint, and what is done to which. Nobody is asked: it changes nothing in AWS, and
        can be taken back.
        """
        terminal = self.invocation.terminal
        Confirmation(terminal, self.context, yes=True, output=self.output).show_context()
        terminal.remark(statement)

    def show(self, identities: tuple[Identity, ...], empty: str = "") -> None:
        """Write them to stdout."""
        from rootkeeper.cli.rendering.identities import show_identities

        show_identities(identities, self.output, self.invocation.terminal, self.now, empty)

    def show_one(self, name: str) -> None:
        """Write the one of that name to stdout."""
        self.show(tuple(one for one in self.keeping.list_identities() if fold_name(one.name) == fold_name(name)))


@contextmanager
def open_identity_administration(invocation: Invocation, *outputs: OutputFormat) -> Iterator[IdentityAdministration]:
    """What the commands work with.

    :raises InputError: if the output isn't one of ``outputs``.
    """
    output = invocation.choose_output(*(outputs or OUTPUTS))
    with invocation.open_application() as application:
        who = application.ledger_identity
        context = ChangeContext(who.organization_id, who.actor.caller_arn or who.actor.name, who.endpoint.label)
        yield IdentityAdministration(
            invocation, application, output, application.identity_service_as(who), context, who
        )


def list_kind(invocation: Invocation, kind: IdentityKind, empty: str) -> int:
    """Show all of one kind."""
    with open_identity_administration(invocation) as desk:
        desk.show(tuple(one for one in desk.keeping.list_identities() if one.kind is kind), empty)
    return ExitStatus.GOOD


def disable_one(invocation: Invocation, change: ChangeOptions, name: str, kind: IdentityKind) -> int:
    """Let one act no more."""
    with open_identity_administration(invocation) as desk:
        desk.announce(f"Let the {kind.value} {name} act no more.")
        if not change.dry_run:
            desk.show((desk.keeping.disable(name, kind),))
    return ExitStatus.GOOD
