"""Settings that the console can change, as JSON."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from rootkeeper.settings.edits import (
    EditableSetting,
    Edits,
    SettingEdit,
    SettingSource,
    apply_edits,
    find_bounds,
    find_source,
    find_variable,
    is_fixed,
    render_value,
)
from rootkeeper.settings.sections import Settings
from rootkeeper.shapes import Answer, JsonRecord, fill_record, record, record_of


@record_of(SettingEdit, without=("name",))
class SettingEditRecord(JsonRecord):
    """The last change in the console."""

    value: str | int | list[str]


@record
class SettingBounds(TypedDict):
    """The range that the console can set."""

    least: str | int
    most: str | int


@record
class SettingRecord(TypedDict):
    """A setting that the console can change."""

    name: EditableSetting
    value: str | int | list[str]
    """The value in force, in the form of the settings file: a length such as ``8h``, a number, or a list of times."""
    source: SettingSource
    variable: str | None
    """The environment variable that gives it; ``null`` if none does."""
    configured: str | int | list[str]
    """The value of file, environment or default."""
    bounds: SettingBounds | None
    """``null`` for a schedule."""
    is_fixed: bool
    """Whether only the settings of the server can change it."""
    edit: SettingEditRecord | None
    """``null`` if the console has changed nothing. It holds only if ``source`` is ``console``."""


@record
class SettingsDocument(Answer):
    """The settings that the console can change."""

    settings: list[SettingRecord]


@record
class SettingAnswer(SettingRecord, Answer):
    """A setting that the console can change."""


def describe_setting(settings: Settings, name: EditableSetting, edits: Edits) -> SettingRecord:
    """Describe a setting; ``settings`` are those of file and environment."""
    found = find_bounds(settings, name, edits)
    bounds: Any = None if found is None else {"least": render_value(found[0]), "most": render_value(found[1])}
    value: Any = render_value(name.find_value(apply_edits(settings, edits.values())))
    configured: Any = render_value(name.find_value(settings))
    return {
        "name": name,
        "value": value,
        "source": find_source(settings, name, edits),
        "variable": find_variable(settings, name),
        "configured": configured,
        "bounds": bounds,
        "is_fixed": is_fixed(settings, name),
        "edit": fill_record(SettingEditRecord, edits[name]) if name in edits else None,
    }
