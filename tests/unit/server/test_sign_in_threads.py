"""Turns for checking passwords: few run, few wait, and known devices have a turn of their own."""

from __future__ import annotations

import threading

import anyio
import pytest

from rootkeeper.errors import TooManyAttemptsError
from rootkeeper.server.sign_ins import MOST_WAITING, WAIT_SECONDS, SignInThreads


def test_p32_one_runs_a_few_wait_and_what_comes_then_is_refused_at_once() -> None:
    turns, may_end, all_refused = SignInThreads(), threading.Event(), anyio.Event()
    running, done = [0], [0]
    at_once: list[int] = []
    refused: list[int | None] = []

    def check() -> None:
        running[0] += 1
        at_once.append(running[0])
        assert may_end.wait(30)
        running[0] -= 1
        done[0] += 1

    async def sign_in() -> None:
        try:
            await turns.run(check, is_known=False)
        except TooManyAttemptsError as error:
            refused.append(error.wait_seconds)
            if len(refused) == 9:
                all_refused.set()

    async def sign_in_from_known_device() -> None:
        with anyio.fail_after(30):
            await turns.run(lambda: None, is_known=True)
        assert done[0] == 0
        may_end.set()

    async def flood() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(MOST_WAITING + 10):
                group.start_soon(sign_in)
            with anyio.fail_after(30):
                await all_refused.wait()
            group.start_soon(sign_in_from_known_device)

    anyio.run(flood)
    assert (done[0], refused, max(at_once)) == (MOST_WAITING + 1, [WAIT_SECONDS] * 9, 1)


def test_the_error_of_a_check_reaches_its_caller_and_frees_the_turn() -> None:
    turns = SignInThreads()

    def fail() -> None:
        raise ZeroDivisionError

    async def try_twice() -> None:
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await turns.run(fail, is_known=False)

    anyio.run(try_twice)
