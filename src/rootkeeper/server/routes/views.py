"""Routes of a user's saved views of the console."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from rootkeeper.access.rules import Permission
from rootkeeper.access.views import SavedView
from rootkeeper.server.answers.access import SavedViewAnswer, SavedViewPage, SavedViewRecord
from rootkeeper.server.documents import change, read, remove
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import Body, Name, show_example, show_one, show_page
from rootkeeper.shapes import fill_record


class SavedViewBody(Body):
    """Where a view leads."""

    model_config = show_example({"address": "/accounts?status=present"})

    address: Annotated[
        str,
        Field(
            max_length=2000,
            pattern=r"^/([!-.0-\[\]-~][!-~]*)?$",
            description="Path and query of a page of the console. Other hosts are refused.",
        ),
    ]


def list_views(services: Served, identity: Identified) -> dict[str, Any]:
    """List your saved views."""
    found = services.saved_views.list_views(identity.identity_id)
    return show_page("views", [fill_record(SavedViewRecord, one) for one in found], None)


def save_view(services: Served, identity: Identified, name: Name, body: SavedViewBody) -> dict[str, Any]:
    """Save a view under a name; replaces your earlier view of that name."""
    view = SavedView(name, body.address, services.clock.now())
    services.saved_views.save(identity.identity_id, view)
    return show_one(fill_record(SavedViewRecord, view))


def remove_view(services: Served, identity: Identified, name: Name) -> dict[str, Any]:
    """Delete one of your saved views, and show the others."""
    services.saved_views.remove(identity.identity_id, name)
    return list_views(services, identity)


ROWS = (
    read("/me/views", Permission.ACCOUNTS_READ, list_views, SavedViewPage),
    change("/me/views/{name}", Permission.ACCOUNTS_READ, save_view, SavedViewAnswer, method="PUT"),
    remove("/me/views/{name}", Permission.ACCOUNTS_READ, remove_view, SavedViewPage),
)
