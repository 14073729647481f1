"""``python -m rootkeeper``: the command line, for where the script isn't on the path."""

from __future__ import annotations

import sys

from rootkeeper.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
