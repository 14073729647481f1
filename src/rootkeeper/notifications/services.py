"""Mail, chat and the many services that apprise knows, held to our rules whatever the target's URL asks for.

Only services that send by HTTPS, and mail, are used: their libraries connect in the thread that sends, where the guard
sees it. apprise loads its services on first use, so it is imported here and only when something is sent.
"""

from __future__ import annotations

import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

from rootkeeper.domain.notification_targets import AllowedHosts
from rootkeeper.domain.notification_texts import render_body, render_title
from rootkeeper.domain.notifications import Notification, Severity
from rootkeeper.notifications.guarded_connections import ConnectionGuard
from rootkeeper.notifications.refusals import DeliveryFailedError

if TYPE_CHECKING:
    from apprise import AppriseAsset

_CONNECT_SECONDS = 4.0
_READ_SECONDS = 8.0
_loading = threading.Lock()


def send_to_service(url: str, notification: Notification, allowed: AllowedHosts, guard: ConnectionGuard) -> None:
    """Send it once, inside of ``guard``.

    :raises DeliveryFailedError: if the URL can't be used, or the service doesn't take it.
    """
    load()
    from apprise import Apprise, NotifyFormat, NotifyType
    from apprise.exception import AppriseException

    asset = _make_asset()
    service = Apprise.instantiate(url, asset=asset)
    if service is None:
        raise DeliveryFailedError(
            "its URL can't be understood", "The guide on notifications shows how each service is named."
        )
    _hold_to_rules(service, allowed)
    kinds = {Severity.INFO: NotifyType.INFO, Severity.WARNING: NotifyType.WARNING}
    try:
        took = Apprise(service, asset=asset).notify(
            title=render_title(notification),
            body=render_body(notification),
            notify_type=kinds.get(notification.severity, NotifyType.FAILURE),
            body_format=NotifyFormat.TEXT,
        )
    except (AppriseException, TypeError):
        raise DeliveryFailedError("its URL can't be used") from None
    if not took:
        raise DeliveryFailedError(_explain(guard))


def load() -> None:
    """Import apprise, and its mail, which asks for a module that is on its way out of Python.

    Source: apprise.utils.pgp imports imghdr, gone in Python 3.13, where it does without.
    """
    with _loading, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'imghdr' is deprecated", DeprecationWarning)
        import apprise.plugins.email.base  # noqa: F401 - for what importing it loads


def _make_asset() -> AppriseAsset:
    """One service at a time, in this thread, with nothing kept on disk and no redirect followed."""
    from apprise import AppriseAsset, PersistentStoreMode

    return AppriseAsset(
        app_id="Rootkeeper",
        app_desc="Rootkeeper",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        http_redirects=False,
        default_service_retry=0,
        service_timeout=0,
        storage_mode=PersistentStoreMode.MEMORY,
    )


def _hold_to_rules(service: Any, allowed: AllowedHosts) -> None:
    from apprise.plugins.email.base import NotifyEmail

    service.redirects = False
    service.retry = 0
    service.socket_connect_timeout = _CONNECT_SECONDS
    service.socket_read_timeout = _READ_SECONDS
    if not service.verify_certificate:
        raise DeliveryFailedError("its URL turns the check of certificates off", "Take verify=no out of it.")
    if isinstance(service, NotifyEmail):
        is_plain = service.secure_mode == "insecure"
        if is_plain and not allowed.permits_plain(str(service.smtp_host), int(service.port or 0)):
            raise DeliveryFailedError("it would be sent to without TLS", "Write mailtos:// and take mode=insecure out.")
    elif not _sends_by_requests(type(service)):
        raise DeliveryFailedError(
            "its service isn't reached by HTTPS", "Mail and services with an HTTPS interface are used."
        )


def _sends_by_requests(service: type) -> bool:
    modules = [one.__module__ for one in service.__mro__ if one.__module__.startswith("apprise.plugins.")]
    return any(hasattr(sys.modules[name], "requests") for name in modules if name != "apprise.plugins.base")


def _explain(guard: ConnectionGuard) -> str:
    if guard.status is not None:
        return f"it answered with HTTP status {guard.status}"
    return "it didn't take it, or no connection to it could be made"
