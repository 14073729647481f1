"""What a run of the product imports and reads, done once in the process from which runs are forked.

It costs a run more than all its calls, and is the same for each.
"""

from __future__ import annotations

import functools
import gc
import importlib
import pkgutil
import tempfile

import argon2.profiles
import botocore.hooks
import botocore.loaders
import botocore.session

import rootkeeper
import rootkeeper_sandbox
from rootkeeper.access import store as access_store
from rootkeeper.ledger.database import open_database
from rootkeeper_sandbox.codec.registry import load_services
from rootkeeper_sandbox.services.registry import SERVICES as SERVED

LOADED_LATE = (
    "aiohttp",
    "botocore.retryhandler",
    "rfc8785",
    "rich.progress",
    "rich.table",
    "sqlalchemy.dialects.sqlite",
    "uvloop",
)
"""What a run imports when it comes to it, beside the product; imported once here."""

NOT_LOADED = {"migrations"}
"""Folders whose modules do something when they are imported."""

SERVICES = (
    "account",
    "events",
    "iam",
    "identitystore",
    "organizations",
    "s3",
    "securityhub",
    "sqs",
    "sso-admin",
    "sts",
)


def prepare() -> None:
    """Import the product and what it needs, and read the models of AWS's services."""
    for name in (*LOADED_LATE, *_list_product()):
        importlib.import_module(name)
    _share_parts_of_clients()
    _keep_service_models()
    load_services(SERVED)
    _make_a_database()
    importlib.import_module("rootkeeper.server.application").list_routes()
    cheapen_passwords()
    gc.freeze()


def cheapen_passwords() -> None:
    """Hash passwords as cheaply as can be: what a look at one costs is 0.2 s, and is tested by itself."""
    access_store.PASSWORD_COST = argon2.profiles.CHEAPEST


def _make_a_database() -> None:
    """So that what the first one imports is there for each."""
    with tempfile.TemporaryDirectory() as folder:
        open_database(f"sqlite:///{folder}/rootkeeper.db").close()


def _list_product() -> list[str]:
    found = [
        one.name
        for package in (rootkeeper, rootkeeper_sandbox)
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    return [name for name in found if not NOT_LOADED & set(name.split("."))]


def _share_parts_of_clients() -> None:
    """Each client of botocore finds out the same again: the events' names of today, and what their handlers take."""
    aliaser = botocore.hooks.EventAliaser(botocore.hooks.HierarchicalEmitter())
    find_name = functools.cache(aliaser._alias_event_name)  # type: ignore[attr-defined]  # private, as the next
    botocore.hooks.EventAliaser._alias_event_name = staticmethod(find_name)  # type: ignore[attr-defined]  # as above
    accepts = functools.cache(botocore.hooks.accepts_kwargs)
    botocore.hooks.accepts_kwargs = lambda func: accepts(getattr(func, "__func__", func))


def _keep_service_models() -> None:
    """Reading the models of AWS's services costs a run more than all its calls: all sessions share one loader, which
    reads each model once, here.
    """
    botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)
    session = botocore.session.get_session()
    session.get_available_regions("iam")
    for service in SERVICES:
        session.create_client(service, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
