"""Streams of events are limited for each person, and in all."""

from __future__ import annotations

import pytest

from rootkeeper.errors import AccountBusyError
from rootkeeper.server.job_streams import StreamCount


def test_p32_a_person_who_has_as_many_as_one_may_have_keeps_no_other_one_out() -> None:
    streams = StreamCount(most=5, most_of_person=2)
    for who in ("vera", "vera", "olga", "olga"):
        streams.take(who)
    with pytest.raises(AccountBusyError, match="You follow 2 jobs already"):
        streams.take("vera")
    streams.take("piet")
    with pytest.raises(AccountBusyError, match="Too many clients"):
        streams.take("cora")
    streams.give_back("vera")
    streams.take("vera")
