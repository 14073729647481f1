"""What leaves it open whether a changing call has acted."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fakes.aws_server import CUT, Reply, error_xml

UNCLEAR: Mapping[str, Reply] = {
    "cut": CUT,
    "500": error_xml("InternalFailure", 500),
    "503": error_xml("ServiceUnavailable", 503),
    "a gateway's 502": Reply(502, "<html>Bad gateway</html>", request_id=""),
    "an empty 200": Reply(),
    "garbage": Reply(body="garbage"),
    "a page of HTML": Reply(body="<html/>", request_id=""),
    "a proxy's 403": Reply(403, "<html/>", request_id=""),
    "a redirection": Reply(302, "", request_id=""),
    "an answer that ends early": Reply(body="<DeleteAccessKeyResponse>"),
}
TOO_LATE = Reply(delay_seconds=1, cut=True)
"""For clients that wait for half a second."""
