"""``rootkeeper notifications``."""

from __future__ import annotations

from typing import Annotated

from click import IntRange

from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.invocation import Invocation, PanelGroup, add
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus, argument, option
from rootkeeper.installation import require_extra
from rootkeeper.organization.accounts import Endpoint


def try_targets(
    invocation: Invocation, *, name: Annotated[str | None, argument("TARGET", "Only this target.")] = None
) -> int:
    """Send a test notification to each target, and show the results.

    The setting notifications.targets lists the targets. The test uses this machine's environment, files and network; a
    server sends its notifications from its own machine.

    Changes: nothing, except that each target receives a test.

    AWS permissions: none.

    Exit statuses: 0 each target accepted it; 2 wrong usage, or there is no such target; 4 a target didn't accept it.
    """
    require_extra("server")
    from rootkeeper.cli.rendering.identities import show_trials

    output = invocation.choose_output(*LIST_OUTPUTS)
    with invocation.open_application(creates_database=False) as application:
        trials = application.notification_tester(
            application.settings.notifications, "not known yet", Endpoint("AWS")
        ).test(name)
    show_trials(trials, output, invocation.terminal)
    failures = [trial.failure for trial in trials if trial.failure is not None]
    for hint in dict.fromkeys(failure.hint for failure in failures if failure.hint):
        invocation.terminal.remark(f"hint: {render_hint(hint)}")
    return ExitStatus.INCOMPLETE if failures else ExitStatus.GOOD


def list_deliveries(
    invocation: Invocation,
    *,
    limit: Annotated[int, option("--limit N", "Show at most N deliveries.", type=IntRange(1, 10_000))] = 50,
) -> int:
    """List deliveries of notifications for each target, newest first.

    A failed delivery is retried for 24 hours.

    Changes: nothing.

    AWS permissions: none for a database of one organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage; 3 the database can't be read.
    """
    from rootkeeper.cli.rendering.identities import show_deliveries
    from rootkeeper.notifications.rules import LOOKED_BACK

    output = invocation.choose_output(*LIST_OUTPUTS)
    with invocation.open_application(creates_database=False) as application:
        application.use_known_organization()
        store = application.notification_store
        deliveries = store.list_deliveries(limit=limit)
        failing = store.list_failing(application.clock.now() - LOOKED_BACK)
    show_deliveries(deliveries, output, invocation.terminal)
    for target in failing:
        invocation.terminal.remark(
            f"Deliveries to target {target} fail. Test it: rootkeeper notifications test {target}"
        )
    return ExitStatus.GOOD


application = PanelGroup(help="Test notification targets, and list deliveries.")
add(application, try_targets, "test")
add(application, list_deliveries, "list")
