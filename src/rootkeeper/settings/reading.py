"""Reads settings from a TOML file and from variables, and completes them with defaults."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_type_hints
from urllib.parse import parse_qsl, urlsplit

import platformdirs

from rootkeeper.errors import InputError, SettingsError
from rootkeeper.references import read_reference, require_safe_address
from rootkeeper.settings.organizations import (
    NEVER_INHERITED,
    ORGANIZATIONS,
    OrganizationTable,
    choose_table,
    find_folder,
    make_unreadable,
    parse_organizations,
)
from rootkeeper.settings.sections import (
    ENVIRONMENT_PREFIX,
    SUBSECTIONS,
    DatabaseSettings,
    EmailSettings,
    NamedOrganization,
    OidcSettings,
    Settings,
)
from rootkeeper.values import parse_duration

if TYPE_CHECKING:
    from rootkeeper.access.rules import ProviderRules, ServerRole

ORGANIZATION_VARIABLE = "ROOTKEEPER_ORGANIZATION"
"""The organization of the settings file that a command is about."""
FRONT_FOLDER = "server"
"""The folder of the people of a server of several organizations, beside the folder of the organizations."""
SETTINGS_FILE = "settings.toml"
"""In the user's folder of configuration."""
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


def load_user_settings(config: Path | None, organization: str | None = None) -> Settings:
    """The settings of this user: file, environment, and default folders for data and state.

    :param config: ``None``: the file in the user's folder of configuration, if it is there.
    :param organization: the name or the id of an organization of the file; ``None``: that of the environment, or the
        only one.
    :raises SettingsError: if a setting is unknown or out of range.
    :raises InputError: if the file has several organizations and none is named.
    :raises NotFoundError: if the file doesn't have that organization.
    """
    path = find_settings_file(config)
    data = platformdirs.user_data_path(APPLICATION_NAME, appauthor=False)
    return _place_memory(
        load_settings(path if config is not None or path.exists() else None, os.environ, data, organization)
    )


def _place_memory(settings: Settings) -> Settings:
    """Complete the folder of what this user's processes remember about ledgers."""
    if settings.ledger.memory != Path():
        return settings
    memory = platformdirs.user_state_path(APPLICATION_NAME, appauthor=False)
    return replace(settings, ledger=replace(settings.ledger, memory=memory))


def load_front_settings(config: Path | None) -> Settings:
    """The settings that all organizations of the file share, for the front of their server. Its database is in a folder
    beside theirs; on PostgreSQL it is the database that the shared sections name.

    :raises SettingsError: if a setting is unknown or out of range.
    """
    data = platformdirs.user_data_path(APPLICATION_NAME, appauthor=False)
    return _place_memory(load_settings(find_settings_file(config), os.environ, data, is_front=True))


def find_settings_file(config: Path | None) -> Path:
    """Return the settings file that was named, or the user's own, which may be missing."""
    if config is not None:
        return config
    return platformdirs.user_config_path(APPLICATION_NAME, appauthor=False) / SETTINGS_FILE


def list_organizations(config: Path | None) -> tuple[OrganizationTable, ...]:
    """List the organizations of the settings file, in its order.

    :raises SettingsError: if it can't be read.
    """
    path = find_settings_file(config)
    if config is None and not path.exists():
        return ()
    return parse_organizations(path, _read_document(path).get(ORGANIZATIONS, {}))


def list_own_folders(settings: Settings) -> tuple[Path, ...]:
    """List the folders of data, state and configuration that only this user should open."""
    url, name = settings.database.url, APPLICATION_NAME
    database = Path(url.removeprefix(SQLITE_PREFIX).partition("?")[0]).absolute().parent
    data, state = (find(name, appauthor=False) for find in (platformdirs.user_data_path, platformdirs.user_state_path))
    config = platformdirs.user_config_path(name, appauthor=False)
    found = (settings.unlock.saved_policies, settings.ledger.memory, data, state, config)
    own = (database, *found) if url.startswith(SQLITE_PREFIX) else found
    return tuple(folder for folder in own if folder != Path())


def load_settings(
    config_path: Path | None,
    environment: Mapping[str, str],
    data_folder: Path,
    organization: str | None = None,
    *,
    is_front: bool = False,
) -> Settings:
    """Read the file, then the variables, which override it, then the organization's own table, which overrides both,
    then complete the rest.

    :param is_front: whether to read what all organizations share, for the front of their server.
    :raises SettingsError: if the file can't be read, or a setting is unknown or out of range.
    :raises InputError: if the file has several organizations and none is named.
    :raises NotFoundError: if the file doesn't have that organization.
    """
    document = {} if config_path is None else _read_document(config_path)
    tables = parse_organizations(config_path or Path(), document.pop(ORGANIZATIONS, {}))
    named = organization or environment.get(ORGANIZATION_VARIABLE) or None
    table = None if is_front else choose_table(tables, named)
    shared = [entry for name, found in document.items() for entry in _read_section(config_path, name, found)]
    given = {entry.key: entry for entry in (*shared, *_read_environment(environment))}
    if table is not None:
        own = f"{ORGANIZATIONS}.{table.name}."
        sections = [
            entry for name, found in table.sections.items() for entry in _read_section(config_path, name, found, own)
        ]
        shared_url = given.get("database.url")
        given = {key: entry for key, entry in given.items() if key not in NEVER_INHERITED}
        given |= {entry.key: entry for entry in sections}
        if shared_url is not None and "database.url" not in given:
            data_folder = _find_base(shared_url, environment, own)
        data_folder = find_folder(table.name, data_folder)
    if is_front:
        data_folder = _find_front_folder(given, environment, data_folder)
    parsed: dict[str, dict[str, object]] = {name: {} for name in _FIELDS}
    for key, entry in given.items():
        section, _, name = key.rpartition(".")
        kind = get_type_hints(_SECTIONS[section])[name]
        parsed[_FIELD_NAMES[section]][name] = _PARSERS[kind](entry)
    found: dict[str, Any] = {name: _FIELDS[name](**values) for name, values in parsed.items()}
    settings = Settings(
        **found,
        sources={key: entry.source for key, entry in given.items()},
        organization=None if table is None else NamedOrganization(table.name, table.organization_id),
        organization_groups=_list_groups(config_path, tables, found["oidc"].issuer) if is_front else {},
    )
    return _complete(settings, _read_database_url(settings.database.url, environment), data_folder)


def _find_front_folder(given: dict[str, _SettingText], environment: Mapping[str, str], data_folder: Path) -> Path:
    """Return the folder of the front's data; removes the address of a database file, which may be an organization's."""
    shared = given.get("database.url")
    url = "" if shared is None else _read_database_url(_parse_text(shared), environment)
    if not url.startswith(SQLITE_PREFIX):
        return data_folder / FRONT_FOLDER
    del given["database.url"]
    return Path(url.removeprefix(SQLITE_PREFIX).partition("?")[0]).parent / FRONT_FOLDER


def _list_groups(path: Path | None, tables: Sequence[OrganizationTable], issuer: str) -> dict[str, tuple[str, ...]]:
    """List the groups that each organization's own table names, of the provider at which people sign in.

    Leaves out a table with a mistake: the organization's own process reports it.
    """
    groups = {}
    for table in tables:
        with suppress(SettingsError):
            own = {entry.key: entry for entry in _read_section(path, "oidc", table.sections.get("oidc", {}))}
            if "oidc.groups" in own and ("oidc.issuer" not in own or own["oidc.issuer"].value == issuer):
                groups[table.name] = tuple(_parse_group(text)[0] for text in _parse_list(own["oidc.groups"]))
    return groups


def _find_base(shared: _SettingText, environment: Mapping[str, str], own: str) -> Path:
    """Return the folder of the database file that all organizations would share: theirs are below it.

    :raises SettingsError: if it isn't a file, which an organization needs a database of its own for.
    """
    url = _read_database_url(_parse_text(shared), environment)
    if not url.startswith(SQLITE_PREFIX):
        raise SettingsError(
            f"{shared.source} isn't a file, and {own}database.url isn't set: each organization needs its own database.",
            hint=f"Set {own}database.url to the address of a database that only this organization uses.",
        )
    return Path(url.removeprefix(SQLITE_PREFIX).partition("?")[0]).parent


def _read_document(path: Path) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise make_unreadable(path, error) from error


def _read_section(path: Path | None, section: str, table: object, own: str = "") -> list[_SettingText]:
    """:param own: the name of the organization's table, with a dot, if the section is in one."""
    if section not in _SECTIONS or not isinstance(table, Mapping):
        raise SettingsError(
            f"{own + section!r} in {path} is not a section of settings.",
            hint=f"The sections are {', '.join(_SECTIONS)}.",
        )
    found = []
    for name, value in table.items():
        key = f"{section}.{name}"
        if key in _SECTIONS:
            found += _read_section(path, key, value, own)
        elif key in _keys():
            found.append(_SettingText(key, value, own + key))
        else:
            raise SettingsError(
                f"{own}{key} in {path} is not a setting.",
                hint=f"[{section}] has {', '.join(_names_of(_SECTIONS[section]))}.",
            )
    return found


def _read_environment(environment: Mapping[str, str]) -> list[_SettingText]:
    variables = {f"{ENVIRONMENT_PREFIX}{key.replace('.', '_').upper()}": key for key in _keys()}
    known = {*variables, ORGANIZATION_VARIABLE, SERVER_VARIABLE, TOKEN_VARIABLE}
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
    make_provider_rules(settings.oidc, settings.organization_groups)
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


def make_group_rules(settings: Settings) -> ProviderRules | None:
    """Return the rules by which the provider's groups give roles in an organization of several: those of its own table.

    ``None`` without them: the shared groups are of the server, and give nothing in its organizations.

    :raises SettingsError: if a setting is invalid or missing.
    """
    is_own = settings.sources.get("oidc.groups", "").startswith(f"{ORGANIZATIONS}.")
    return make_provider_rules(settings.oidc) if is_own else None


def make_provider_rules(
    settings: OidcSettings, organization_groups: Mapping[str, tuple[str, ...]] = MappingProxyType({})
) -> ProviderRules | None:
    """Return ``None`` without an issuer.

    :param organization_groups: at the front of several organizations, those of each organization's own table.
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
    groups = settings.groups or tuple(organization_groups)
    needed = {"client_id": settings.client_id, "groups": groups, "name_claims": settings.name_claims}
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
        organization_groups=frozenset(group for groups in organization_groups.values() for group in groups),
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
