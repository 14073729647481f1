"""Settings that an administrator can change in the console, and the values in force.

The settings of file and environment are the start. A change makes the window policy stricter than they are, never
looser: a person who can only write the database can't allow what they forbid. A schedule that they name holds; the
console sets the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from rootkeeper.errors import InputError
from rootkeeper.settings.sections import Settings, WindowSettings
from rootkeeper.values import JsonValue, parse_duration, render_duration
from rootkeeper.worker.schedules import parse_expression

SettingValue: TypeAlias = timedelta | int | tuple[str, ...]

MOST_TIMES = 20
"""Of one schedule."""


class EditableSetting(StrEnum):
    """A setting that can be changed in the console."""

    SCHEDULES_AUDITS = "schedules.audits"
    SCHEDULES_DRIFT_CHECKS = "schedules.drift_checks"
    SCHEDULES_DRILL_REMINDERS = "schedules.drill_reminders"
    SCHEDULES_REPORTS = "schedules.reports"
    WINDOWS_APPROVAL_VALID = "windows.approval_valid"
    WINDOWS_APPROVALS = "windows.approvals"
    WINDOWS_DEFAULT_LENGTH = "windows.default_length"
    WINDOWS_LONGEST = "windows.longest"

    @property
    def is_schedule(self) -> bool:
        return self.value.startswith("schedules.")

    def find_value(self, settings: Settings) -> SettingValue:
        section, _, field = self.value.partition(".")
        value: SettingValue = getattr(getattr(settings, section), field)
        return value


class SettingSource(StrEnum):
    """Where the value that holds comes from."""

    CONSOLE = "console"
    DEFAULT = "default"
    FILE = "file"
    VARIABLE = "variable"


@dataclass(frozen=True, slots=True)
class SettingEdit:
    """A change in the console."""

    name: EditableSetting
    value: JsonValue
    """As the settings file has it: a text such as ``8h``, a number, or a list of texts."""
    reason: str
    changed_by: str
    changed_at: datetime


Edits: TypeAlias = Mapping[EditableSetting, SettingEdit]


_CHOICES: Mapping[EditableSetting, Callable[[Any, Any], Any]] = {
    **{name: lambda own, edited: own or edited for name in EditableSetting if name.is_schedule},
    EditableSetting.WINDOWS_APPROVAL_VALID: min,
    EditableSetting.WINDOWS_APPROVALS: max,
    EditableSetting.WINDOWS_DEFAULT_LENGTH: lambda _, edited: edited,
    EditableSetting.WINDOWS_LONGEST: min,
}
"""How the value that holds follows from the server's own and the console's: of window policies it is the stricter, of
schedules the server's own if there is any.
"""


def apply_edits(settings: Settings, edits: Iterable[SettingEdit]) -> Settings:
    """Return the settings that hold; the usual length of a window is at most the longest."""
    held: dict[str, dict[str, Any]] = {"schedules": {}, "windows": {}}
    for edit in edits:
        section, _, field = edit.name.partition(".")
        held[section][field] = _CHOICES[edit.name](edit.name.find_value(settings), parse_value(edit.name, edit.value))
    windows = replace(settings.windows, **held["windows"])
    windows = replace(windows, default_length=min(windows.default_length, windows.longest))
    return replace(settings, windows=windows, schedules=replace(settings.schedules, **held["schedules"]))


def find_source(settings: Settings, name: EditableSetting, edits: Edits) -> SettingSource:
    """Say where the value in force comes from."""
    held = name.find_value(apply_edits(settings, edits.values()))
    if name in edits and held == parse_value(name, edits[name].value) != name.find_value(settings):
        return SettingSource.CONSOLE
    if find_variable(settings, name) is not None:
        return SettingSource.VARIABLE
    return SettingSource.FILE if name.value in settings.sources else SettingSource.DEFAULT


def find_variable(settings: Settings, name: EditableSetting) -> str | None:
    """Find the environment variable that gives a setting; ``None`` if none does."""
    source = settings.sources.get(name.value)
    return None if source == name.value else source


def is_fixed(settings: Settings, name: EditableSetting) -> bool:
    """Whether the console can't change it, because file or environment name its schedule."""
    return name.is_schedule and bool(name.find_value(settings))


def find_bounds(settings: Settings, name: EditableSetting, edits: Edits) -> tuple[Any, Any] | None:
    """Return the least and the most that the console can set, of the setting's type; ``None`` for a schedule."""
    if name.is_schedule:
        return None
    metadata = next(member.metadata for member in fields(WindowSettings) if name.endswith(f".{member.name}"))
    if _CHOICES[name] is max:
        return name.find_value(settings), metadata["maximum"]
    if _CHOICES[name] is min:
        return metadata["minimum"], name.find_value(settings)
    return metadata["minimum"], apply_edits(settings, edits.values()).windows.longest


def require_edit(settings: Settings, name: EditableSetting, value: JsonValue, edits: Edits) -> SettingValue:
    """Return the value of a change, if the console may make it.

    :raises InputError: if it is no such value, passes a bound, or file or environment fix the setting.
    :raises SettingsError: if a time of a schedule is invalid.
    """
    if is_fixed(settings, name):
        raise InputError(
            f"{name.value} is fixed by the settings of the server.",
            hint="Change it in the settings file or the environment, and restart the server.",
        )
    parsed, bounds = parse_value(name, value), find_bounds(settings, name, edits)
    if name is EditableSetting.SCHEDULES_REPORTS and parsed and not settings.delivery.targets:
        raise InputError(
            "Reports have no place to go.", hint="Name the places of reports in the setting delivery.targets first."
        )
    if bounds is None:
        return parsed
    least, most = bounds
    if not least <= parsed <= most:
        raise InputError(
            f"{name.value} can't be {_show(parsed)} here: it must be from {_show(least)} to {_show(most)}.",
            hint="The console can make the settings of the server stricter. Only they can allow more.",
        )
    return parsed


def parse_value(name: EditableSetting, value: JsonValue) -> SettingValue:
    """Read a value in the form of the settings file.

    :raises InputError: if it has another form.
    :raises SettingsError: if a time of a schedule is invalid.
    """
    if name.is_schedule:
        if not isinstance(value, list) or len(value) > MOST_TIMES or not all(isinstance(time, str) for time in value):
            raise InputError(f"{name.value} must be a list of at most {MOST_TIMES} times.")
        return tuple(dict.fromkeys(str(parse_expression(str(time))) for time in value))
    if name is EditableSetting.WINDOWS_APPROVALS:
        if not isinstance(value, int) or isinstance(value, bool):
            raise InputError(f"{name.value} must be a whole number.")
        return value
    if not isinstance(value, str):
        raise InputError(f"{name.value} must be a length of time, such as 8h.")
    return parse_duration(value, option=name.value, shortest=timedelta(seconds=1), longest=timedelta(days=7))


def render_value(value: SettingValue) -> JsonValue:
    """Write a value in the form of the settings file."""
    if isinstance(value, timedelta):
        return render_duration(value)
    return list(value) if isinstance(value, tuple) else value


def _show(value: SettingValue) -> str:
    return str(render_value(value))
