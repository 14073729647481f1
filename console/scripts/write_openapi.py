"""Write the OpenAPI document of today's server to console/openapi.json, which the console's client is made from.

``--check`` writes nothing, and fails if the document on disk is another one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

from rootkeeper.server.application import make_application
from rootkeeper.server.documents import describe_api

PLACE = Path(__file__).parent.parent / "openapi.json"


class Nothing:
    """Has every part that a server may have, and each is nothing: the routes are described, and none is asked."""

    def __getattr__(self, name: str) -> Nothing:
        return self

    def __call__(self) -> Nothing:
        return self


def render() -> str:
    """The document as it is kept: sorted by nothing but the routes' own order."""
    document = describe_api(make_application(cast("Any", Nothing())))
    # The version of the product would change the file, but nothing of the client.
    document["info"]["version"] = "1"
    return json.dumps(document, indent=1) + "\n"


def main() -> int:
    """Write, or compare."""
    document = render()
    if "--check" in sys.argv[1:]:
        if PLACE.exists() and PLACE.read_text() == document:
            return 0
        sys.stderr.write("console/openapi.json isn't that of today's API: run console/scripts/write_openapi.py\n")
        return 1
    PLACE.write_text(document)
    return 0


if __name__ == "__main__":
    sys.exit(main())
