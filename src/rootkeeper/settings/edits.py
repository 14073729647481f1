"""Settings that an administrator can change in the console, and the values in force.

The settings of file and environment are the start. A change makes a limit stricter than they are, never looser: a
person who can only write the database can't allow what they forbid. A list that they name holds, such as the times of a
task or the targets of notifications; the console sets the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from rootkeeper.approvals.rules import parse_name_rule
from rootkeeper.errors import InputError, make_setting_hint
from rootkeeper.notifications.rules import parse_targets
from rootkeeper.settings.sections import ENVIRONMENT_PREFIX, Settings
from rootkeeper.values import JsonValue, parse_duration, render_duration
from rootkeeper.worker.schedules import parse_expression

SettingValue: TypeAlias = timedelta | int | tuple[str, ...]

MOST_TIMES = 20
"""Of one schedule."""

MOST_ENTRIES = 100
"""Of one list."""


class EditableSetting(StrEnum):
    """A setting that can be changed in the console."""

    EMAILS_ALLOWED_DOMAINS = "emails.allowed_domains"
    HISTORY_KEEP = "history.keep"
    NOTIFICATIONS_TARGETS = "notifications.targets"
    SCHEDULES_AUDITS = "schedules.audits"
    SCHEDULES_DETAILED_AUDITS = "schedules.detailed_audits"
    SCHEDULES_DRIFT_CHECKS = "schedules.drift_checks"
    SCHEDULES_DRILL_REMINDERS = "schedules.drill_reminders"
    SCHEDULES_REPORTS = "schedules.reports"
    WINDOWS_APPROVAL_VALID = "windows.approval_valid"
    WINDOWS_APPROVALS = "windows.approvals"
    WINDOWS_APPROVERS = "windows.approvers"
    WINDOWS_DEFAULT_LENGTH = "windows.default_length"
    WINDOWS_LONGEST = "windows.longest"
    WINDOWS_REQUESTERS = "windows.requesters"

    @property
    def is_list(self) -> bool:
        return self in _LISTS

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


_LIMITS: Mapping[EditableSetting, Callable[[Any, Any], Any]] = {
    EditableSetting.HISTORY_KEEP: max,
    EditableSetting.WINDOWS_APPROVAL_VALID: min,
    EditableSetting.WINDOWS_APPROVALS: max,
    EditableSetting.WINDOWS_LONGEST: min,
}
"""How the value that holds follows from the server's own and the console's: the stricter one."""


def apply_edits(settings: Settings, edits: Iterable[SettingEdit]) -> Settings:
    """Return the settings that hold; the usual length of a window is at most the longest."""
    held: dict[str, dict[str, Any]] = {"windows": {}}
    for edit in edits:
        section, _, field = edit.name.partition(".")
        held.setdefault(section, {})[field] = _choose(settings, edit.name, parse_value(edit.name, edit.value))
    sections: dict[str, Any] = {name: replace(getattr(settings, name), **values) for name, values in held.items()}
    windows = sections["windows"]
    sections["windows"] = replace(windows, default_length=min(windows.default_length, windows.longest))
    return replace(settings, **sections)


def _choose(settings: Settings, name: EditableSetting, edited: SettingValue) -> SettingValue:
    own = name.find_value(settings)
    if is_fixed(settings, name):
        return own
    held: SettingValue = _LIMITS[name](own, edited) if name in _LIMITS else edited
    return held


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
    source = settings.sources.get(name.value, "")
    return source if source.startswith(ENVIRONMENT_PREFIX) else None


def is_fixed(settings: Settings, name: EditableSetting) -> bool:
    """Whether the console can't change it, because file or environment name its list."""
    return name.is_list and name.value in settings.sources


def find_bounds(settings: Settings, name: EditableSetting, edits: Edits) -> tuple[Any, Any] | None:
    """Return the least and the most that the console can set, of the setting's type; ``None`` for a list."""
    if name.is_list:
        return None
    section, _, field = name.value.partition(".")
    metadata = next(member.metadata for member in fields(getattr(settings, section)) if member.name == field)
    if _LIMITS.get(name) is max:
        return name.find_value(settings), metadata["maximum"]
    if _LIMITS.get(name) is min:
        return metadata["minimum"], name.find_value(settings)
    return metadata["minimum"], apply_edits(settings, edits.values()).windows.longest


def require_edit(settings: Settings, name: EditableSetting, value: JsonValue, edits: Edits) -> SettingValue:
    """Return the value of a change, if the console may make it.

    :raises InputError: if it is no such value, passes a bound, or file or environment fix the setting.
    :raises SettingsError: if an entry of a list is invalid.
    """
    if is_fixed(settings, name):
        raise InputError(
            "The value is fixed by the settings of the server.",
            hint="Change it in the settings file or the environment, and restart the server.",
        )
    parsed, bounds = parse_value(name, value), find_bounds(settings, name, edits)
    if name is EditableSetting.SCHEDULES_REPORTS and parsed and not settings.delivery.targets:
        raise InputError(
            "Reports have no place to go.",
            hint=make_setting_hint("Name the places of reports in the server's settings first.", "delivery.targets"),
        )
    if bounds is None:
        return parsed
    least, most = bounds
    if not least <= parsed <= most:
        raise InputError(
            f"The value can't be {_show(parsed)} here: it must be from {_show(least)} to {_show(most)}.",
            hint="The console can make the settings of the server stricter. Only they can allow more.",
        )
    return parsed


def parse_value(name: EditableSetting, value: JsonValue) -> SettingValue:
    """Read a value in the form of the settings file.

    :raises InputError: if it has another form.
    :raises SettingsError: if an entry of a list is invalid.
    """
    if name.is_list:
        most, parse = _LISTS[name]
        if not isinstance(value, list) or len(value) > most or not all(isinstance(entry, str) for entry in value):
            raise InputError(f"The value must be a list of at most {most} texts.")
        return tuple(dict.fromkeys(parse([str(entry) for entry in value])))
    if name is EditableSetting.WINDOWS_APPROVALS:
        if not isinstance(value, int) or isinstance(value, bool):
            raise InputError("The value must be a whole number.")
        return value
    if not isinstance(value, str):
        raise InputError("The value must be a length of time, such as 8h.")
    return parse_duration(value, option="The value", shortest=timedelta(seconds=1), longest=timedelta(days=3650))


def _parse_times(texts: Sequence[str]) -> list[str]:
    return [str(parse_expression(text)) for text in texts]


def _parse_targets(texts: Sequence[str]) -> list[str]:
    return [str(target) for target in parse_targets(texts)]


def _parse_domains(texts: Sequence[str]) -> list[str]:
    from rootkeeper.root_emails.rules import parse_rules  # takes long to import, and schedules are read each second

    return sorted(parse_rules(texts, "", ()).allowed_domains)


def _parse_requesters(texts: Sequence[str]) -> list[str]:
    return [str(parse_name_rule(text, EditableSetting.WINDOWS_REQUESTERS)) for text in texts]


def _parse_approvers(texts: Sequence[str]) -> list[str]:
    return [str(parse_name_rule(text, EditableSetting.WINDOWS_APPROVERS)) for text in texts]


_TIMES = (MOST_TIMES, _parse_times)

_LISTS: Mapping[EditableSetting, tuple[int, Callable[[Sequence[str]], list[str]]]] = {
    EditableSetting.EMAILS_ALLOWED_DOMAINS: (MOST_ENTRIES, _parse_domains),
    EditableSetting.NOTIFICATIONS_TARGETS: (MOST_ENTRIES, _parse_targets),
    EditableSetting.SCHEDULES_AUDITS: _TIMES,
    EditableSetting.SCHEDULES_DETAILED_AUDITS: _TIMES,
    EditableSetting.SCHEDULES_DRIFT_CHECKS: _TIMES,
    EditableSetting.SCHEDULES_DRILL_REMINDERS: _TIMES,
    EditableSetting.SCHEDULES_REPORTS: _TIMES,
    EditableSetting.WINDOWS_APPROVERS: (MOST_ENTRIES, _parse_approvers),
    EditableSetting.WINDOWS_REQUESTERS: (MOST_ENTRIES, _parse_requesters),
}
"""The most entries of each list, and the rule of the settings file for them."""


def render_value(value: SettingValue) -> JsonValue:
    """Write a value in the form of the settings file."""
    if isinstance(value, timedelta):
        return render_duration(value)
    return list(value) if isinstance(value, tuple) else value


def _show(value: SettingValue) -> str:
    return str(render_value(value))
