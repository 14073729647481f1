"""``rootkeeper apply``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.invocation import Invocation, single, through_server
from rootkeeper.cli.pace_options import PaceOptions
from rootkeeper.cli.wave_options import WaveOptions
from rootkeeper.domain.access import Permission
from rootkeeper.domain.deletion import DeletionPlan
from rootkeeper.domain.plan_files import parse_plan
from rootkeeper.errors import InputError, PlanInvalidError


@through_server
def apply(
    invocation: Invocation,
    waves: WaveOptions,
    pace: PaceOptions,
    change: ChangeOptions,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan of rootkeeper plan.")],
) -> int:
    """Do exactly what a plan file says.

    Each account is judged anew: one that has changed since the plan is left alone and counts as failed. A plan that was
    begun and interrupted goes on with rootkeeper jobs resume.

    Changes: as rootkeeper delete, in the accounts of the plan.

    AWS permissions: those of rootkeeper audit, and sts:AssumeRoot with the task policy IAMDeleteRootUserCredentials.

    Exit statuses: 0 everything that was planned is gone, as a re-read shows; 1 an account was held back as recently
    used; 2 wrong usage, not confirmed, or the plan is unreadable, altered, expired, of another organization or begun
    already; 3 AWS or the ledger refused, or AWS can't be reached; 4 a deletion failed or isn't proven, an account has
    changed, or it stopped before its end; 130 interrupted.
    """
    from rootkeeper.cli.deleting import DELETION_OUTPUTS, agree_and_delete
    from rootkeeper.cli.operator.interface import DeletionProposal

    output = invocation.choose_output(*DELETION_OUTPUTS)
    plan, rules = _read(file), waves.to_rules()
    with invocation.open_operator(api_share=pace.api_share) as operator:
        operator.ensure_applicable(plan)
        confirmation = operator.begin_change(change, output, Permission.ROOT_CREDENTIALS_DELETE)
        return agree_and_delete(invocation, operator, DeletionProposal(plan), rules, change, confirmation)


def _read(file: Path) -> DeletionPlan:
    try:
        return parse_plan(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The plan {file} can't be read: {error.strerror}.", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise PlanInvalidError(f"{file} isn't a plan: it isn't UTF-8 text.") from error


application = single(apply)
