"""Runs ``rootkeeper`` as it would on a host of its own: by name it is another machine.

A process that died is known to be dead at once by those of its own host; all others must wait for the end of its lease.
Workers that are measured on one machine must have no such advantage.

    python -m measuring.elsewhere NAME worker
"""

from __future__ import annotations

import socket
import sys

from rootkeeper.cli.main import main

if __name__ == "__main__":
    host = sys.argv.pop(1)
    socket.gethostname = lambda: host
    sys.exit(main())
