"""A small published world on an embedded ClickHouse: two targets, one of which is about to drift; and the sample of the
screens beside it, a little older, so that the page opens with the former."""

import json
import time
from typing import Any

from agents.cli.screens import asking as sample
from agents.warehouse.client import Client, insert_rows

TENANT = "o'Neill [x] <b>&amp;</b>"
"""A name that would break out of SQL, of an address or of markup."""

MAIL = "happiness/service=mail"
CRM = "good-time/application=crm"
MINUTE_MS = 60_000


def fill(client: Client) -> None:
    """Make the tables and fill them: one target misses its objective, the other meets it; nothing drifts yet."""
    now_ms = int(time.time()) * 1000
    sample.fill(client, "xpulse", now_ms=now_ms - MINUTE_MS)
    _insert(client, "targets", _target(MAIL, "happiness", 60.0, now_ms), _target(CRM, "good_time", 99.0, now_ms))
    old = [verdict(MAIL, now_ms - age * MINUTE_MS, "undecided", score=41.26) for age in (40, 30, 20)]
    now = [verdict(MAIL, now_ms - 10 * MINUTE_MS, "missed", score=41.26)]
    _insert(client, "verdicts", *old, *now, verdict(CRM, now_ms - 10 * MINUTE_MS, "met", score=99.5))
    mark = {"tenant": TENANT, "epoch": now_ms - 10 * MINUTE_MS, "run": "r", "blocks": 1, "answers": 5, "rule": "{}"}
    _insert(client, "release_marks", mark)


def drift(client: Client) -> None:
    """Judge the mail service again: it drifts now."""
    _insert(client, "verdicts", verdict(MAIL, int(time.time() * 1000), "missed", score=12.5, drifting=1))


def _insert(client: Client, table: str, *rows: dict[str, Any]) -> None:
    insert_rows(client, f"xpulse.{table}", list(rows[0]), [list(row.values()) for row in rows])


def _target(name: str, indicator: str, objective: float, now_ms: int) -> dict[str, Any]:
    body = {"purpose": "p", "owner": "desk", "indicator": indicator, "slice": {"country": "NO"}, "objective": objective}
    at_ms = now_ms - 500 * MINUTE_MS
    row = {"tenant": TENANT, "target": name, "version": 1, "state": "active", "valid_from": at_ms}
    return {**row, "recorded_at": at_ms, "author": "a", "reason": "r", "body": json.dumps(body)}


def verdict(name: str, at_ms: int, word: str, *, score: float, drifting: int = 0) -> dict[str, Any]:
    row = {"tenant": TENANT, "target": name, "version": 1, "at": at_ms, "verdict": word, "n": 400, "coverage": 1.0}
    period = {"score": score, "lower": score - 6.3, "upper": score + 6.5}
    rolling = {"rolling_score": score, "rolling_lower": score - 9, "rolling_upper": score + 9, "rolling_n": 90}
    rest = {"trend": "down", "evidence": 1.2, "drifting": drifting, "state": "{}", "written_at": at_ms}
    return {**row, **period, **rolling, **rest}
