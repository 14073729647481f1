"""All accounts in one answer, for who shows the organization as a tree."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Header
from starlette.requests import Request
from starlette.responses import Response

from rootkeeper.api.account_columns import CompactListingCache
from rootkeeper.api.account_pages import AccountsCache
from rootkeeper.api.answers.accounts import CompactListing
from rootkeeper.api.encodings import takes_gzip
from rootkeeper.api.etags import is_known
from rootkeeper.api.guarding import Served
from rootkeeper.api.route_tables import read
from rootkeeper.domain.access import Permission


def list_compactly(
    request: Request, services: Served, if_none_match: Annotated[str | None, Header(max_length=1_024)] = None
) -> Response:
    """List the whole organization in columns: its units, and every account with its last reading.

    Nothing is asked of AWS. ``observed_at`` is in seconds since 1970, ``kinds`` adds up what was found: 1, 2, 4 and 8
    for each of the listed kinds in their order, ``null`` where it wasn't read. A column of words is ``{words, at}``.
    """
    pages: AccountsCache = request.app.state.account_pages
    listings: CompactListingCache = request.app.state.compact_listings
    listing = listings.take(services, pages)
    headers = {"ETag": listing.etag, "Vary": "Accept-Encoding, Authorization, Cookie"}
    if is_known(if_none_match, listing.etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(
            listing.compressed, media_type="application/json", headers=headers | {"Content-Encoding": "gzip"}
        )
    return Response(listing.plain, media_type="application/json", headers=headers)


ROWS = (read("/accounts/compact", Permission.ACCOUNTS_READ, list_compactly, CompactListing),)
