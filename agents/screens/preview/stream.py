"""Server-sent events: one browser's look at one dashboard; only what has changed is sent.

span        the time range, and the width of a point
variables   what may be chosen and what is chosen
answer      {"key": …,and an `Answer`}; a panel keeps its last one
round       every question has been asked: when, and when the next round comes
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from typing import Any

import orjson

from agents.screens.macros import ALL, View, expand
from agents.screens.preview.answers import Answer, Answers
from agents.screens.preview.choices import STEP_S, Offer, Range, Wish, fixed_options, offer, time_range
from agents.screens.preview.shelf import Query, Screen, variable_sql
from streams.errors import ConfigError

FOREIGN = "asks another data source than ClickHouse: look in Grafana, or at /metrics of a process"


class Look:
    """What one browser looks at.

    Args:
        screen: The dashboard.
        wish: Range and values; the range is checked already.
        answers: Where questions are asked.
    """

    def __init__(self, screen: Screen, wish: Wish, answers: Answers) -> None:
        self._screen = screen
        self._wish = wish
        self._answers = answers
        self._sent: dict[str, bytes] = {}

    async def events(self) -> AsyncIterator[bytes]:
        """Yield events until the browser leaves."""
        while True:
            begun_s = time.monotonic()
            async for event in self.round(time.time()):
                yield event
            await asyncio.sleep(max(1.0, STEP_S - (time.monotonic() - begun_s)))

    async def round(self, now_s: float) -> AsyncIterator[bytes]:
        """Ask everything once; yield what is new, as it comes."""
        span = time_range(self._wish, now_s)
        yield _event("span", asdict(span))
        offers = await self._offers(span)
        for event in self._if_new("variables", "variables", [asdict(one) for one in offers]):
            yield event
        view = _view(span, offers)
        for coming in asyncio.as_completed([self._answer(query, view) for query in self._screen.queries()]):
            query, answer = await coming
            for event in self._if_new("answer", query.key, {"key": query.key, **answer}):
                yield event
        yield _event("round", {"at": int(now_s * 1000), "every_s": STEP_S})

    async def _offers(self, span: Range) -> list[Offer]:
        offers: list[Offer] = []
        for variable in self._screen.variables():
            wished = self._wish.chosen.get(variable["name"], ())
            try:
                offers.append(offer(variable, await self._options(variable, _view(span, offers)), wished))
            except ConfigError as error:
                offers.append(offer({**variable, "label": str(error)}, [], ()))
        return offers

    async def _options(self, variable: Mapping[str, Any], view: View) -> list[tuple[str, str]]:
        sql = variable_sql(variable)
        if not sql:
            return fixed_options(variable)
        _, answer = await self._answer(Query(key=variable["name"], sql=sql), view)
        # One column is text and value in one; of two, Grafana shows the second.
        return [(str(row[-1]), str(row[0])) for row in answer.get("rows", [])]

    async def _answer(self, query: Query, view: View) -> tuple[Query, Answer]:
        if not query.sql:
            return query, {"error": FOREIGN}
        try:
            sql = expand(query.sql, view)
        except ConfigError as error:
            return query, {"error": str(error)}
        return query, await self._answers.get(sql)

    def _if_new(self, kind: str, key: str, content: object) -> list[bytes]:
        event = _event(kind, content)
        if self._sent.get(key) == event:
            return []
        self._sent[key] = event
        return [event]


def _view(span: Range, offers: list[Offer]) -> View:
    # Of a variable that offers nothing, the empty value is chosen: it matches no row.
    chosen = {one.name: one.chosen or ("",) for one in offers}
    options = {one.name: tuple(value for _, value in one.options if value != ALL) for one in offers}
    return View(
        start_s=span.start_s, end_s=span.end_s, interval_s=span.interval_s, chosen=chosen, options=options
    )  # fmt: skip


def _event(kind: str, content: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps(content))
