"""Write the OpenAPI document of today's server to console/openapi.json, which the console's client is made from.

``--check`` writes nothing, and fails if the document on disk is another one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from rootkeeper.api.application import make_application
from rootkeeper.api.documents import describe_api
from rootkeeper.clock import SystemClock

PLACE = Path(__file__).parent.parent / "openapi.json"


def render() -> str:
    """The document as it is kept: sorted by nothing but the routes' own order."""
    services = cast("Any", SimpleNamespace(identities=None, clock=SystemClock()))
    document = describe_api(make_application(services))
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
