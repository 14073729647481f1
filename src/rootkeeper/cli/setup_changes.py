"""Showing, confirming and doing a change of the set-up: the same for ``enable`` and ``disable``."""

from __future__ import annotations

from collections.abc import Callable

from rootkeeper.cli.confirmation import ChangeOptions, Confirmation
from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.setups import plan_lines, show_change, show_plan
from rootkeeper.cli.terminal import Terminal
from rootkeeper.workflows.setup import SetupChange, SetupPlan


def run_change(
    plan: SetupPlan,
    apply: Callable[[SetupPlan], SetupChange],
    confirmation: Confirmation,
    options: ChangeOptions,
    output: OutputFormat,
    terminal: Terminal,
) -> bool:
    """Whether what was asked for is so; a dry run shows the plan and is always fine."""
    if options.dry_run:
        confirmation.show_context()
        show_plan(plan, output, terminal)
        return True
    if plan.steps:
        confirmation.require_consent(["This will be done:", *plan_lines(plan)])
    else:
        confirmation.show_context()
    change = apply(plan)
    show_change(change, output, terminal)
    return change.is_proven
