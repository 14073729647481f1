"""``rootkeeper notifications``."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from rootkeeper.cli.invocation import Invocation, add, group
from rootkeeper.cli.outputs import ExitStatus, OutputFormat

_OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
_LOOKED_BACK = timedelta(days=2)


def try_targets(
    invocation: Invocation,
    *,
    name: Annotated[
        str | None, typer.Argument(metavar="[TARGET]", help="Only this target.", show_default=False)
    ] = None,
) -> int:
    """Send a test to each notification target, and show what it made of it.

    Targets stand in the setting notifications.targets. What is tried is this machine's way to them: its environment,
    its files and its network. A server tells people from where it runs.

    Changes: nothing but what the target shows.

    AWS permissions: none.

    Exit statuses: 0 each target took it; 2 wrong usage, or no such target; 4 at least one target didn't take it.
    """
    from rootkeeper.cli.rendering.identities import show_trials

    output = invocation.choose_output(*_OUTPUTS)
    with invocation.open_application(creates_database=False) as application:
        trials = application.notification_tester.test(name)
    show_trials(trials, output, invocation.terminal)
    failures = [one.failure for one in trials if one.failure is not None]
    for hint in dict.fromkeys(failure.hint for failure in failures if failure.hint):
        invocation.terminal.remark(hint)
    return ExitStatus.INCOMPLETE if failures else ExitStatus.GOOD


def list_deliveries(
    invocation: Invocation,
    *,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="At most so many.")] = 50,
) -> int:
    """List what people were told of, target by target, the newest first.

    A delivery that failed is tried again for 24 hours, then it is given up.

    Changes: nothing.

    AWS permissions: none for a database of one organization; else organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage; 3 the database can't be read.
    """
    from rootkeeper.cli.rendering.identities import show_deliveries

    output = invocation.choose_output(*_OUTPUTS)
    with invocation.open_application(creates_database=False) as application:
        store = application.database.notifications(application.ledger_identity.organization_id)
        deliveries = store.list_deliveries(limit=limit)
        failing = store.list_failing(application.clock.now() - _LOOKED_BACK)
    show_deliveries(deliveries, output, invocation.terminal)
    for target in failing:
        invocation.terminal.remark(f"The target {target} fails. Try it: rootkeeper notifications test {target}")
    return ExitStatus.GOOD


application = group("Try the targets of notifications, and see what arrived.")
add(application, try_targets, "test")
add(application, list_deliveries, "list")
