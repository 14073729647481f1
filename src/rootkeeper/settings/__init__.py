"""Rootkeeper's own settings: a TOML file and ``ROOTKEEPER_*`` variables, checked once at the start.

A setting is a field below; its key is ``section.field``, its variable ``ROOTKEEPER_SECTION_FIELD``. A variable wins
over the file. Unknown names are refused, since a misspelt limit that is silently ignored is worse than an error. AWS
credentials, Regions and endpoints aren't settings: they are taken as the AWS CLI takes them.
"""

from rootkeeper.settings.reading import (
    ENVIRONMENT_PREFIX,
    SERVER_VARIABLE,
    SQLITE_PREFIX,
    TOKEN_VARIABLE,
    load_settings,
)
from rootkeeper.settings.sections import (
    AwsRoleSettings,
    AwsSettings,
    DatabaseSettings,
    DeletionSettings,
    EmailSettings,
    HistorySettings,
    LeaseSettings,
    LedgerSettings,
    NotificationSettings,
    OidcSettings,
    ScheduleSettings,
    ServerSettings,
    Settings,
    UnlockSettings,
    WatchingSettings,
    WindowSettings,
)

__all__ = [
    "ENVIRONMENT_PREFIX",
    "SERVER_VARIABLE",
    "SQLITE_PREFIX",
    "TOKEN_VARIABLE",
    "AwsRoleSettings",
    "AwsSettings",
    "DatabaseSettings",
    "DeletionSettings",
    "EmailSettings",
    "HistorySettings",
    "LeaseSettings",
    "LedgerSettings",
    "NotificationSettings",
    "OidcSettings",
    "ScheduleSettings",
    "ServerSettings",
    "Settings",
    "UnlockSettings",
    "WatchingSettings",
    "WindowSettings",
    "load_settings",
]
