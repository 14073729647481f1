"""Clients of root sessions for services with an endpoint in each Region, made on first use: S3 and SQS.

They take their credentials from the root session that was entered, and from nowhere else, as the clients of IAM do.
"""

from __future__ import annotations

import threading
from typing import Any

from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from rootkeeper.aws.calls import ServiceCalls
from rootkeeper.aws.departures import guard_departure
from rootkeeper.errors import InputError

S3_SETTINGS = Config(signature_version="s3v4")
"""S3 signs paths as they are; that of the other services would encode them twice. Source: S3 API Reference, SigV4."""


class RegionalRootClients:
    """One reading and one changing client for each service and Region; safe in many threads."""

    def __init__(self, session: Session, profile: str | None, reading: Config, changing: Config) -> None:
        """:param session: with no credentials but those of root sessions."""
        self._session = session
        self._profile = profile
        self._configs = {False: reading, True: changing}
        self._made: dict[tuple[str, str, bool], ServiceCalls] = {}
        self._making = threading.Lock()

    def get(self, service: str, region: str, *, changing: bool = False) -> ServiceCalls:
        """:raises InputError: if the Region or the settings of the endpoint can't be used."""
        with self._making:
            key = (service, region, changing)
            if key not in self._made:
                self._made[key] = self._make(service, region, changing=changing)
            return self._made[key]

    def _make(self, service: str, region: str, *, changing: bool) -> ServiceCalls:
        config = self._configs[changing]
        if service == "s3":
            config = config.merge(S3_SETTINGS)
        try:
            client: BaseClient = self._session.create_client(service, region_name=region, config=config)
        except (BotoCoreError, ValueError) as error:
            raise InputError(
                f"{service} can't be asked in {region}: {error}", hint="Check the Region and AWS_ENDPOINT_URL."
            ) from error
        if service == "s3":
            client.meta.events.register_last("before-call.s3", _stay_in_region)
        if changing:
            client.meta.events.register_first(f"before-send.{service}", guard_departure)
        return ServiceCalls(client, self._profile, in_root_session=True)


def _stay_in_region(context: dict[str, Any], **_: object) -> None:
    """Let a redirect be an error: botocore would send again by itself, and ask HeadBucket, which the task denies."""
    context["s3_redirect"] = {**context.get("s3_redirect", {}), "redirected": True}
