"""How long to wait before a server is asked again."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

BASE_DELAY_S = 1.0
MAX_DELAY_S = 60.0
PATIENCE_S = 900.0
"""A server that asks for a longer pause is taken for one that gives nothing more for now."""

_EPOCH_S = 1_000_000_000


def delay_s(failures: int, asked_s: float | None = None) -> float:
    """Return how long to wait after the given number of failed tries.

    Args:
        failures: Failed tries so far, from 1; the delay doubles with each.
        asked_s: What the server asked for; it comes before the doubling, up to `MAX_DELAY_S`.
    """
    if asked_s is not None:
        return min(max(asked_s, 0.0), MAX_DELAY_S)
    # Without jitter, all clients that a server dropped at once would come back at once.
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - no secret
    return min(BASE_DELAY_S * 2.0 ** (failures - 1), MAX_DELAY_S) * jitter


def read_retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for; null where it asks for nothing.

    Source: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def rate_reset_s(headers: Mapping[str, str]) -> float | None:
    """Return how long a host that counts requests wants to be left alone; null where it does not.

    Args:
        headers: Of an answer, found in any case. `X-RateLimit-Remaining: 0` means that no request
            is left until `X-RateLimit-Reset`, a moment in seconds since 1970, or a span.
    """
    remaining = headers.get("x-ratelimit-remaining", "").strip()
    reset = headers.get("x-ratelimit-reset", "").strip()
    if remaining != "0" or not (reset.isascii() and reset.isdigit()):
        return None
    moment = float(reset)
    # Nobody asks for a pause of thirty years: a number so large is a moment.
    return max(moment - time.time(), 0.0) if moment > _EPOCH_S else moment
