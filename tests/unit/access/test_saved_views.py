"""The saved views of a user: each user's own, replaced by name, and not without end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rootkeeper.access.views import MOST_VIEWS, SavedView, SavedViewStore
from rootkeeper.errors import InputError, NotFoundError
from rootkeeper.ledger.database import Database
from tests.fakes.clock import START
from tests.unit.database.samples import ORGANIZATION_ID

KEYS = SavedView("keys in use", "/accounts?key_used=%3C%3D30", START)
UNKNOWN = SavedView("a first look", "/accounts?left=unknown", START)


@pytest.fixture
def views(database: Database) -> SavedViewStore:
    return SavedViewStore(database.store, database.commits, ORGANIZATION_ID)


def test_views_are_listed_by_name_and_belong_to_one_user(views: SavedViewStore) -> None:
    views.save("u-1", KEYS)
    views.save("u-1", UNKNOWN)
    assert views.list_views("u-1") == (UNKNOWN, KEYS)
    assert views.list_views("u-2") == ()


def test_a_view_of_the_same_name_is_replaced_and_one_can_be_deleted(views: SavedViewStore) -> None:
    views.save("u-1", KEYS)
    changed = replace(KEYS, address="/accounts?age=%3E90")
    views.save("u-1", changed)
    assert views.list_views("u-1") == (changed,)
    with pytest.raises(NotFoundError):
        views.remove("u-2", KEYS.name)
    views.remove("u-1", KEYS.name)
    assert views.list_views("u-1") == ()


def test_one_more_than_allowed_is_refused_and_a_replaced_one_is_not(views: SavedViewStore) -> None:
    for number in range(MOST_VIEWS):
        views.save("u-1", replace(KEYS, name=f"view {number}"))
    with pytest.raises(InputError, match="50 saved views"):
        views.save("u-1", replace(KEYS, name="one more"))
    views.save("u-1", replace(KEYS, name="view 7", address="/accounts"))
    assert len(views.list_views("u-1")) == MOST_VIEWS
