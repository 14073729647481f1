"""Reads settings from a TOML file and from variables, and completes them with defaults."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints
from urllib.parse import parse_qsl, urlsplit

import platformdirs

from rootkeeper.errors import Hint, InputError, SettingsError
from rootkeeper.references import read_reference, require_safe_address
from rootkeeper.settings.sections import SUBSECTIONS, DatabaseSettings, EmailSettings, OidcSettings, Settings
from rootkeeper.values import parse_duration

if TYPE_CHECKING:
    from rootkeeper.access.rules import ProviderRules, ServerRole

ENVIRONMENT_PREFIX = "ROOTKEEPER_"
SERVER_VARIABLE = "ROOTKEEPER_SERVER"
TOKEN_VARIABLE = "ROOTKEEPER_TOKEN"  # noqa: S105 - a variable's name
"""Where commands are sent, and their token. They aren't settings, because a server has neither."""
APPLICATION_NAME = "rootkeeper"
"""Of the user's data and configuration folders."""
SQLITE_PREFIX = "sqlite:///"
_FIELDS: dict[str, Any] = {name: kind for name, kind in get_type_hints(Settings).items() if is_dataclass(kind)}
_FIELD_NAMES = {SUBSECTIONS.get(name, name): name for name in _FIELDS}
_SECTIONS = {section: _FIELDS[name] for section, name in _FIELD_NAMES.items()}


@dataclass(frozen=True, slots=True)
class _SettingText:
    """A value as it was written."""

    key: str
    value: object
    source: str
    """The variable or the key, for errors."""


def load_user_settings(config: Path | None) -> Settings:
    """The settings of this user: file, environment, and default folders for data and state.

    :raises SettingsError: if a setting is unknown or out of range.
    """
    settings = load_settings(config, os.environ, platformdirs.user_data_path(APPLICATION_NAME, appauthor=False))
    if settings.ledger.memory != Path():
        return settings
    memory = platformdirs.user_state_path(APPLICATION_NAME, appauthor=False)
    return replace(settings, ledger=replace(settings.ledger, memory=memory))


def list_own_folders(settings: Settings) -> tuple[Path, ...]:
    """List the folders of data, state and configuration that only this user should open."""
    url, name = settings.database.url, APPLICATION_NAME
    database = Path(url.removeprefix(SQLITE_PREFIX).partition("?")[0]).absolute().parent
    data, state = (find(name, appauthor=False) for find in (platformdirs.user_data_path, platformdirs.user_state_path))
    config = platformdirs.user_config_path(name, appauthor=False)
    found = (settings.unlock.saved_policies, settings.ledger.memory, data, state, config)
    own = (database, *found) if url.startswith(SQLITE_PREFIX) else found
    return tuple(folder for folder in own if folder != Path())


def load_settings(config_path: Path | None, environment: Mapping[str, str], data_folder: Path) -> Settings:
    """Read the file, then the variables, which override it, then complete the rest.

    :raises SettingsError: if the file can't be read, or a setting is unknown or out of range.
    """
    given = {entry.key: entry for entry in (*_read_file(config_path), *_read_environment(environment))}
    parsed: dict[str, dict[str, object]] = {name: {} for name in _FIELDS}
    for key, entry in given.items():
        section, _, name = key.rpartition(".")
        kind = get_type_hints(_SECTIONS[section])[name]
        parsed[_FIELD_NAMES[section]][name] = _PARSERS[kind](entry)
    sections: dict[str, Any] = {name: _FIELDS[name](**values) for name, values in parsed.items()}
    settings = Settings(**sections, sources={key: entry.source for key, entry in given.items()})
    return _complete(settings, _read_database_url(settings.database.url, environment), data_folder)


def _read_file(path: Path | None) -> list[_SettingText]:
    if path is None:
        return []
    import tomllib

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The settings file {path} can't be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}.",
            hint=Hint("Check the path of the settings file.", "settings.path"),
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"The settings file {path} is not TOML: {error}.", hint="See https://toml.io.") from error
    return [entry for section, table in document.items() for entry in _read_section(path, section, table)]


def _read_section(path: Path, section: str, table: object) -> list[_SettingText]:
    if section not in _SECTIONS or not isinstance(table, Mapping):
        raise SettingsError(
            f"{section!r} in {path} is not a section of settings.", hint=f"The sections are {', '.join(_SECTIONS)}."
        )
    found = []
    for name, value in table.items():
        key = f"{section}.{name}"
        if key in _SECTIONS:
            found += _read_section(path, key, value)
        elif key in _keys():
            found.append(_SettingText(key, value, key))
        else:
            raise SettingsError(
                f"{key} in {path} is not a setting.",
                hint=f"[{section}] has {', '.join(_names_of(_SECTIONS[section]))}.",
            )
    return found


def _read_environment(environment: Mapping[str, str]) -> list[_SettingText]:
    variables = {f"{ENVIRONMENT_PREFIX}{key.replace('.', '_').upper()}": key for key in _keys()}
    known = {*variables, SERVER_VARIABLE, TOKEN_VARIABLE}
    unknown = sorted(name for name in environment if name.startswith(ENVIRONMENT_PREFIX) and name not in known)
    if unknown:
        raise SettingsError(
            f"{unknown[0]} is not a setting of Rootkeeper.",
            hint=f"Unset it, or use one of {', '.join(sorted(variables))}.",
        )
    return [_SettingText(key, environment[name], name) for name, key in variables.items() if environment.get(name)]


def _keys() -> list[str]:
    return [f"{section}.{name}" for section, settings in _SECTIONS.items() for name in _names_of(settings)]


def _names_of(section: Any) -> list[str]:
    return [entry.name for entry in fields(section)]


def _parse_number(given: _SettingText) -> int:
    minimum, maximum = _limits(given)
    hint = f"Set it between {minimum} and {maximum}."
    value = given.value
    text = value.strip() if isinstance(value, str) else ""
    if text.isascii() and text.removeprefix("-").isdigit():
        value = int(text)
    if not isinstance(value, int) or isinstance(value, bool):
        raise SettingsError(f"{given.source} is {given.value!r}, not a whole number.", hint=hint)
    if not minimum <= value <= maximum:
        raise SettingsError(f"{given.source} is {given.value}, out of range.", hint=hint)
    return value


def _parse_length(given: _SettingText) -> timedelta:
    shortest, longest = _limits(given)
    text = given.value if isinstance(given.value, str) else repr(given.value)
    try:
        return parse_duration(text, option=given.source, shortest=shortest, longest=longest)
    except InputError as error:
        raise SettingsError(error.message, hint=error.hint) from error


def _parse_switch(given: _SettingText) -> bool:
    if isinstance(given.value, bool):
        return given.value
    switch = _SWITCHES.get(given.value.strip().lower()) if isinstance(given.value, str) else None
    if switch is None:
        raise SettingsError(f"{given.source} is {given.value!r}, neither true nor false.", hint="Write true or false.")
    return switch


_SWITCHES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _parse_list(given: _SettingText) -> tuple[str, ...]:
    found = given.value.split(",") if isinstance(given.value, str) else given.value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise SettingsError(f"{given.source} must be a list of texts.", hint='Write it as key = ["one", "two"].')
    return tuple(text.strip() for text in found if text.strip())


def _parse_text(given: _SettingText) -> str:
    if not isinstance(given.value, str) or not given.value:
        raise SettingsError(f"{given.source} must be a text.", hint='Write it in quotes: key = "value".')
    return given.value


_PARSERS: dict[Any, Callable[[_SettingText], object]] = {
    int: _parse_number,
    bool: _parse_switch,
    timedelta: _parse_length,
    tuple[str, ...]: _parse_list,
    tuple[timedelta, ...]: lambda given: tuple(
        _parse_length(replace(given, value=text)) for text in _parse_list(given)
    ),
    str: _parse_text,
    Path: lambda given: Path(_parse_text(given)).expanduser(),
}


def _limits(given: _SettingText) -> tuple[Any, Any]:
    section, _, name = given.key.rpartition(".")
    metadata = next(entry.metadata for entry in fields(_SECTIONS[section]) if entry.name == name)
    return metadata["minimum"], metadata["maximum"]


def _read_database_url(given: str, environment: Mapping[str, str]) -> str:
    """Read the address, which can be in a file of its own because of its password."""
    if not given.startswith("file:"):
        return given
    try:
        return read_reference(given, environment)
    except SettingsError as error:
        raise SettingsError(f"The address of the database can't be read: {error.message}.", hint=error.hint) from error


def _complete(settings: Settings, database_url: str, data_folder: Path) -> Settings:
    url = database_url or f"{SQLITE_PREFIX}{data_folder / 'rootkeeper.db'}"
    is_file = url.startswith(SQLITE_PREFIX) and url.removeprefix(SQLITE_PREFIX) not in ("", ":memory:")
    if not is_file and not url.startswith("postgresql+psycopg://"):
        scheme = url.partition(":")[0]
        raise SettingsError(
            f"Rootkeeper can't use the database address, which begins with {scheme[:20]!r}.",
            hint="Set ROOTKEEPER_DATABASE_URL to sqlite:////path/to/file.db or postgresql+psycopg://user@host/name.",
        )
    if settings.emails != EmailSettings():  # the defaults are valid, and the rules take long to import
        from rootkeeper.root_emails.rules import parse_rules

        parse_rules(settings.emails.allowed_domains, settings.emails.approved_pattern, settings.emails.groups)
    make_provider_rules(settings.oidc)
    _ = settings.server.public_address
    stem = _file_stem(url, data_folder)
    _ = settings.ledger.bucket_place
    ledger = replace(
        settings.ledger,
        anchor=_or_beside(settings.ledger.anchor, stem, ".anchor.jsonl"),
        mirror=_or_beside(settings.ledger.mirror, stem, ".mirror.jsonl"),
        spill=settings.ledger.spill if settings.ledger.spill != Path() else stem.parent,
    )
    server = replace(settings.server, key_file=_or_beside(settings.server.key_file, stem, ".key"))
    saved_policies = _or_beside(settings.unlock.saved_policies, stem, ".policies")
    unlock = replace(settings.unlock, saved_policies=saved_policies)
    return replace(settings, database=DatabaseSettings(url), ledger=ledger, unlock=unlock, server=server)


_PLACES = ("dbname", "host", "hostaddr", "port", "service")
"""Parameters of a URL's query that locate the database. Source: PostgreSQL, "Parameter Key Words" of libpq."""


def _file_stem(url: str, data_folder: Path) -> Path:
    """Return the common part of the names of files beside a database, without a password."""
    if url.startswith(SQLITE_PREFIX):
        return Path(url.removeprefix(SQLITE_PREFIX).partition("?")[0])
    address = urlsplit(url)
    elsewhere = [pair for pair in sorted(parse_qsl(address.query)) if pair[0] in _PLACES]
    place = f"{address.hostname}:{address.port}{address.path}" + "".join(f"?{key}={value}" for key, value in elsewhere)
    return data_folder / f"postgresql-{hashlib.sha256(place.encode()).hexdigest()[:12]}"


def _or_beside(path: Path, stem: Path, ending: str) -> Path:
    return path if path != Path() else stem.with_name(stem.name + ending)


def make_provider_rules(settings: OidcSettings) -> ProviderRules | None:
    """Return ``None`` without an issuer.

    :raises SettingsError: if a setting is invalid or missing.
    """
    if not settings.issuer:
        return None
    from rootkeeper.access.rules import ProviderRules

    try:
        require_safe_address(settings.issuer, "oidc.issuer", loopback_allowed=True)
        is_plain = not (urlsplit(settings.issuer).query or urlsplit(settings.issuer).fragment)
    except ValueError:
        is_plain = False
    if not is_plain:
        raise SettingsError(
            "oidc.issuer isn't the address of an identity provider.",
            hint="Set it to the provider's issuer, such as https://login.example.com. Only an address of this "
            "machine may use http.",
        )
    needed = {"client_id": settings.client_id, "groups": settings.groups, "name_claims": settings.name_claims}
    for setting, value in needed.items():
        if not value:
            raise SettingsError(f"oidc.issuer is set, but oidc.{setting} isn't.", hint=f"Set oidc.{setting}.")
    if settings.client_secret and not settings.client_secret.startswith(("env:", "file:")):
        raise SettingsError(
            "oidc.client_secret isn't a reference.",
            hint="The settings contain no secret, only a reference to it: env:VARIABLE, or file:PATH.",
        )
    return ProviderRules(
        issuer=settings.issuer,
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        name=settings.name or urlsplit(settings.issuer).hostname or settings.issuer,
        name_claims=settings.name_claims,
        groups_claim=settings.groups_claim,
        roles=dict(_parse_group(text) for text in settings.groups),
        factor_methods=frozenset(settings.factor_methods),
    )


def _parse_group(text: str) -> tuple[str, ServerRole]:
    from rootkeeper.access.rules import ServerRole

    group, _, role = text.rpartition("=")
    if not group.strip() or role.strip() not in set(ServerRole):
        raise SettingsError(
            f"oidc.groups contains {text!r}, which isn't a group and a role.",
            hint=f"Write GROUP=ROLE; the roles are {', '.join(ServerRole)}.",
        )
    return group.strip(), ServerRole(role.strip())
