"""Reads the control map of the package, ``controls.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any

from rootkeeper.controls.rules import (
    CheckName,
    Control,
    ControlCheck,
    Framework,
    LeftOut,
    Showing,
    Strength,
    WithoutPassword,
)
from rootkeeper.errors import InputError, NotFoundError

DEFAULT_FRAMEWORK = "cis-7.0"
"""The framework that the console shows without a choice, and that the list of organizations counts."""


@cache
def load_frameworks() -> tuple[Framework, ...]:
    """Load every framework, in the order of the file."""
    import yaml  # here, because most commands need no controls

    text = (resources.files(__package__) / "controls.yaml").read_text("utf-8")
    return tuple(_parse_framework(record) for record in yaml.load(text, Loader=yaml.CSafeLoader)["frameworks"])


def choose_frameworks(wanted: Iterable[str]) -> tuple[Framework, ...]:
    """Choose frameworks by their ids, in the order of the map, each once.

    :raises InputError: if a framework isn't known.
    """
    names = set(wanted)
    known = {framework.framework_id: framework for framework in load_frameworks()}
    if names - known.keys():
        raise InputError(
            f"There is no framework {', '.join(sorted(names - known.keys()))} in the control map.",
            hint=f"It has {', '.join(known)}.",
        )
    return tuple(framework for framework in known.values() if framework.framework_id in names)


def get_control(key: str) -> Control:
    """Get a control by its key, such as ``cis-7.0/2.1.1``.

    :raises NotFoundError: if the map doesn't have it.
    """
    for framework in load_frameworks():
        for control in framework.controls:
            if control.key == key:
                return control
    raise NotFoundError(
        f"There is no control {key!r} in the control map.", hint="A control is FRAMEWORK/ID, such as cis-7.0/2.1.1."
    )


def _parse_framework(record: Mapping[str, Any]) -> Framework:
    controls = tuple(_parse_control(record["id"], control) for control in record["controls"])
    left_out = tuple(
        LeftOut(tuple(mapping["controls"]), tuple(mapping["checks"]), mapping["reason"].rstrip())
        for mapping in record["left_out"]
    )
    return Framework(record["id"], record["name"], record["version"], controls, left_out)


def _parse_control(framework_id: str, record: Mapping[str, Any]) -> Control:
    checks = tuple(
        ControlCheck(
            CheckName(check["check"]),
            Showing(check["showing"]),
            Strength(check["strength"]),
            check["source"],
            WithoutPassword(check.get("without_password", WithoutPassword.PASS_WITH_NOTE)),
            timedelta(days=check["longest_gap_days"]) if "longest_gap_days" in check else None,
        )
        for check in record["checks"]
    )
    return Control(framework_id, record["id"], record["title"].rstrip(), record["text"].rstrip(), checks)
