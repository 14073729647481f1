"""``rootkeeper sandbox``: the sandbox as a process of its own, so that it shares nothing with the product it tests."""

from __future__ import annotations

import os
import sys

import click

from rootkeeper.installation import require_extra


@click.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.pass_context
def application(context: click.Context) -> None:
    """Run an AWS organization on localhost.

    Every argument goes to the sandbox as it is. This command becomes the sandbox's own process.
    """
    require_extra("server")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "rootkeeper_sandbox", *context.args])  # noqa: S606 - no shell
