"""Answers of calls that were ordered to lie: success, and nothing changed."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError


def make_up_result(operation: Operation, call: Call) -> dict[str, Any]:
    """Give what the operation would have answered, by performing it on a copy of the world.

    Where even that is refused, the answer is an empty success.
    """
    copied = replace(call, world=copy.deepcopy(call.world))
    try:
        return operation.perform(copied)
    except ServiceError:
        return {}
