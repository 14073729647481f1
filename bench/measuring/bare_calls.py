"""Makes a number of calls of IAM through one botocore client in many threads, and prints what they took as JSON.

What remains of a run of many calls if nothing is planned, recorded or checked: botocore's own signing, sending and
parsing.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.config import Config
from botocore.session import Session


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    iam: Any = Session().create_client("iam", config=Config(max_pool_connections=options.threads))
    started, cpu_before = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(options.threads) as pool:
        for _ in pool.map(lambda _: iam.list_access_keys(), range(options.calls)):
            pass
    took = {"wall_seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu_before}
    print(json.dumps(took))


if __name__ == "__main__":
    main()
