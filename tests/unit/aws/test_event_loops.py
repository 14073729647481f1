from __future__ import annotations

import asyncio
import sys

import pytest

from rootkeeper.aws.event_loops import create_event_loop


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop doesn't exist on Windows")
def test_the_loop_is_uvloop_s_and_works() -> None:
    with asyncio.Runner(loop_factory=create_event_loop) as runner:
        assert runner.run(asyncio.sleep(0, "done")) == "done"
        assert type(runner.get_loop()).__module__.startswith("uvloop")
