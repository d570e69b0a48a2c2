"""Delays: doubled, jittered, capped, and as the server asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from medshelf.acquire.transfers import backoff
from medshelf.acquire.transfers.backoff import MAX_DELAY_S, delay_s, read_retry_after


@pytest.mark.parametrize("failures", range(1, 12))
def test_the_delay_doubles_up_to_its_cap(failures: int) -> None:
    full = min(backoff.BASE_DELAY_S * 2 ** (failures - 1), MAX_DELAY_S)
    assert all(full / 2 <= delay_s(failures) <= full for _ in range(20))


@pytest.mark.parametrize(("asked_s", "expected"), [(0.0, 0.0), (7.0, 7.0), (1e9, MAX_DELAY_S)])
def test_what_the_server_asks_for_comes_first(asked_s: float, expected: float) -> None:
    assert delay_s(3, asked_s) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("٣", None),
        (" 12 ", 12.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0.0),
    ],
)
def test_retry_after(value: str | None, expected: float | None) -> None:
    assert read_retry_after(value) == expected


def test_retry_after_a_date_to_come() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=90)
    wanted = read_retry_after(format_datetime(moment, usegmt=True))
    assert wanted is not None
    assert 80 < wanted <= 90
