"""Rootkeeper's own settings: a TOML file and ``ROOTKEEPER_*`` variables, checked once at the start.

A setting is a field below; its key is ``section.field``, its variable ``ROOTKEEPER_SECTION_FIELD``. A variable wins
over the file. Unknown names are refused, since a misspelt limit that is silently ignored is worse than an error. AWS
credentials, Regions and endpoints aren't settings: they are taken as the AWS CLI takes them.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from rootkeeper.domain.durations import parse_duration
from rootkeeper.domain.root_emails import EmailRules, parse_rules
from rootkeeper.errors import InputError, SettingsError

ENVIRONMENT_PREFIX = "ROOTKEEPER_"
LIST_KIND = tuple[str, ...]
"""A setting that is a list: an array in the file, texts with commas between them in a variable."""
SQLITE_PREFIX = "sqlite:///"
_DATABASE_SCHEMES = (SQLITE_PREFIX, "postgresql+psycopg://")


def _ranged(default: int, minimum: int, maximum: int) -> Any:
    return field(default=default, metadata={"minimum": minimum, "maximum": maximum})


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where everything is kept."""

    url: str = field(default="", repr=False)
    """``sqlite:///FILE`` or ``postgresql+psycopg://…``; may hold a password. Default: a file in the data folder."""


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """How AWS is called."""

    concurrency: int = _ranged(128, 1, 1024)
    """Accounts that are read at the same time."""
    deletion_concurrency: int = _ranged(16, 1, 1024)
    """Accounts that are changed at the same time."""
    api_share: int = _ranged(80, 1, 100)
    """Percent of AWS's published request rates that may be used; the rest is left to others."""
    read_timeout_seconds: int = _ranged(30, 1, 300)
    """For how long the answer to a call is waited for."""
    verify_seconds: int = _ranged(15, 0, 300)
    """For how long a re-read is repeated while AWS still shows what was deleted."""


@dataclass(frozen=True, slots=True)
class DeletionSettings:
    """What deletion holds back."""

    recently_used_days: int = _ranged(90, 0, 3650)
    """A password or key used in so many days blocks its account."""


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """Recovery windows."""

    longest: timedelta = field(
        default=timedelta(hours=72), metadata={"minimum": timedelta(seconds=10), "maximum": timedelta(hours=72)}
    )
    """The longest window that may be asked for."""
    approvals: int = _ranged(1, 0, 10)
    """Approvals that a window needs. Only a server can collect them; a window that a command line opens straight on
    a database is recorded as unapproved, whatever this says.
    """


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """What root e-mail addresses are held to."""

    allowed_domains: tuple[str, ...] = ()
    """Domains that the organization owns; ``*.example.com`` stands for all below it. Without any, no address is known
    to be the organization's own.
    """
    approved_pattern: str = ""
    """A regular expression that a whole address must match, whatever its case. Without one, any may stand."""
    groups: tuple[str, ...] = ()
    """Addresses that several people read. An address with a plus sign counts by its mailbox."""

    def to_rules(self) -> EmailRules:
        """:raises SettingsError: if one can't be understood."""
        return parse_rules(self.allowed_domains, self.approved_pattern, self.groups)


@dataclass(frozen=True, slots=True)
class UnlockSettings:
    """Bucket and queue policies that root sessions change."""

    protect: tuple[str, ...] = ()
    """Names of buckets and queues whose policies are never changed; ``*`` stands for any text."""
    queue_verify_seconds: int = _ranged(90, 0, 300)
    """For how long a re-read is repeated while SQS still shows the policy of before; SQS may take 60 seconds."""
    saved_policies: Path = Path()
    """The folder for the policies that are saved before a change. Default: beside the database, named after it."""


@dataclass(frozen=True, slots=True)
class LeaseSettings:
    """How long a silent process keeps its locks."""

    seconds: int = _ranged(6, 2, 300)
    """After so many seconds without a sign of life a process counts as dead."""


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """What stands beside the ledger: by default where the database is, named after it."""

    anchor: Path = Path()
    """Head hashes, so that a cut or restored database shows."""
    mirror: Path = Path()
    """A copy of every entry as JSON Lines."""
    spill: Path = Path()
    """The folder for what closing a window writes while the database can't be written."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, by section."""

    database: DatabaseSettings
    aws: AwsSettings
    deletion: DeletionSettings
    windows: WindowSettings
    emails: EmailSettings
    unlock: UnlockSettings
    lease: LeaseSettings
    ledger: LedgerSettings


_SECTIONS = get_type_hints(Settings)


@dataclass(frozen=True, slots=True)
class _Given:
    """A value as somebody wrote it."""

    key: str
    value: object
    source: str
    """How an error names it: the variable, or the key and the file."""


def load_settings(config_path: Path | None, environment: Mapping[str, str], data_folder: Path) -> Settings:
    """Read the file, then the variables, then fill in the rest.

    :raises SettingsError: if the file can't be read, or a setting is unknown or out of range.
    """
    given = {entry.key: entry for entry in (*_read_file(config_path), *_read_environment(environment))}
    sections = {
        name: section(
            **{key.partition(".")[2]: _parse(entry) for key, entry in given.items() if key.startswith(f"{name}.")}
        )
        for name, section in _SECTIONS.items()
    }
    return _complete(Settings(**sections), data_folder)


def _read_file(path: Path | None) -> list[_Given]:
    if path is None:
        return []
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The settings file {path} can't be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}.",
            hint="Check the path given with --config.",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"The settings file {path} is not TOML: {error}.", hint="See https://toml.io.") from error
    return [entry for section, table in document.items() for entry in _read_section(path, section, table)]


def _read_section(path: Path, section: str, table: object) -> list[_Given]:
    if section not in _SECTIONS or not isinstance(table, Mapping):
        raise SettingsError(
            f"{section!r} in {path} is not a section of settings.", hint=f"The sections are {', '.join(_SECTIONS)}."
        )
    return [_Given(_known_key(f"{section}.{name}", path), value, f"{section}.{name}") for name, value in table.items()]


def _known_key(key: str, path: Path) -> str:
    section = key.partition(".")[0]
    if key not in _keys():
        raise SettingsError(
            f"{key} in {path} is not a setting.", hint=f"[{section}] has {', '.join(_names_of(_SECTIONS[section]))}."
        )
    return key


def _read_environment(environment: Mapping[str, str]) -> list[_Given]:
    variables = {f"{ENVIRONMENT_PREFIX}{key.replace('.', '_').upper()}": key for key in _keys()}
    unknown = sorted(name for name in environment if name.startswith(ENVIRONMENT_PREFIX) and name not in variables)
    if unknown:
        raise SettingsError(
            f"{unknown[0]} is not a setting of Rootkeeper.",
            hint=f"Unset it, or use one of {', '.join(sorted(variables))}.",
        )
    return [_Given(key, environment[name], name) for name, key in variables.items() if environment.get(name)]


def _keys() -> list[str]:
    return [f"{section}.{name}" for section, settings in _SECTIONS.items() for name in _names_of(settings)]


def _names_of(section: Any) -> list[str]:
    return [entry.name for entry in fields(section)]


def _parse(given: _Given) -> object:
    section, _, name = given.key.partition(".")
    kind = get_type_hints(_SECTIONS[section])[name]
    if kind is int:
        return _within(given, _parse_whole_number(given))
    if kind is timedelta:
        return _parse_length(given)
    if kind == LIST_KIND:
        return _parse_list(given)
    text = _parse_text(given)
    return Path(text).expanduser() if kind is Path else text


def _parse_whole_number(given: _Given) -> int:
    if isinstance(given.value, int) and not isinstance(given.value, bool):
        return given.value
    text = given.value.strip() if isinstance(given.value, str) else ""
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise SettingsError(f"{given.source} is {given.value!r}, not a whole number.", hint=_range_hint(given))
    return int(text)


def _parse_length(given: _Given) -> timedelta:
    shortest, longest = _limits(given)
    text = given.value if isinstance(given.value, str) else repr(given.value)
    try:
        return parse_duration(text, option=given.source, shortest=shortest, longest=longest)
    except InputError as error:
        raise SettingsError(error.message, hint=error.hint) from error


def _parse_list(given: _Given) -> tuple[str, ...]:
    found = given.value.split(",") if isinstance(given.value, str) else given.value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise SettingsError(f"{given.source} must be a list of texts.", hint='Write it as key = ["one", "two"].')
    return tuple(text.strip() for text in found if text.strip())


def _parse_text(given: _Given) -> str:
    if not isinstance(given.value, str) or not given.value:
        raise SettingsError(f"{given.source} must be a text.", hint='Write it in quotes: key = "value".')
    return given.value


def _within(given: _Given, value: Any) -> object:
    minimum, maximum = _limits(given)
    if not minimum <= value <= maximum:
        raise SettingsError(f"{given.source} is {given.value}, out of range.", hint=_range_hint(given))
    return value


def _range_hint(given: _Given) -> str:
    minimum, maximum = _limits(given)
    return f"Set it between {minimum} and {maximum}."


def _limits(given: _Given) -> tuple[Any, Any]:
    section, _, name = given.key.partition(".")
    metadata = next(entry.metadata for entry in fields(_SECTIONS[section]) if entry.name == name)
    return metadata["minimum"], metadata["maximum"]


def _complete(settings: Settings, data_folder: Path) -> Settings:
    url = settings.database.url or f"{SQLITE_PREFIX}{data_folder / 'rootkeeper.db'}"
    _ensure_supported(url)
    settings.emails.to_rules()
    stem = _file_stem(url, data_folder)
    ledger = LedgerSettings(
        anchor=_or_beside(settings.ledger.anchor, stem, ".anchor.jsonl"),
        mirror=_or_beside(settings.ledger.mirror, stem, ".mirror.jsonl"),
        spill=settings.ledger.spill if settings.ledger.spill != Path() else stem.parent,
    )
    saved_policies = _or_beside(settings.unlock.saved_policies, stem, ".policies")
    unlock = replace(settings.unlock, saved_policies=saved_policies)
    return replace(settings, database=DatabaseSettings(url), ledger=ledger, unlock=unlock)


def _ensure_supported(url: str) -> None:
    is_file = url.startswith(SQLITE_PREFIX) and url.removeprefix(SQLITE_PREFIX) not in ("", ":memory:")
    if not is_file and not url.startswith(_DATABASE_SCHEMES[1]):
        scheme = url.partition(":")[0]
        raise SettingsError(
            f"The database address (it begins with {scheme[:20]!r}) is not one that Rootkeeper can use.",
            hint="Set ROOTKEEPER_DATABASE_URL to sqlite:////path/to/file.db or postgresql+psycopg://user@host/name.",
        )


def _file_stem(url: str, data_folder: Path) -> Path:
    """What the files beside a database are named after; no password gets into a name."""
    if url.startswith(SQLITE_PREFIX):
        return Path(url.removeprefix(SQLITE_PREFIX).partition("?")[0])
    address = urlsplit(url)
    place = f"{address.hostname}:{address.port}{address.path}"
    return data_folder / f"postgresql-{hashlib.sha256(place.encode()).hexdigest()[:12]}"


def _or_beside(path: Path, stem: Path, ending: str) -> Path:
    return path if path != Path() else stem.with_name(stem.name + ending)
