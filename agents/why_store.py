"""What explains an alert, read from the published views and nowhere else: figures by label, changes, telemetry.

All questions are bounded in rows and bound in their values; names of columns come from the lists of dimensions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import public_of
from streams.blocks import DIMENSIONS as RECORD_DIMENSIONS
from streams.catalogue import DIMENSIONS as TELEMETRY_DIMENSIONS
from streams.catalogue import Metric
from streams.details import details_read
from streams.detect.observation import moments_of, observed
from streams.events.judging import Target
from streams.scores import Counts
from streams.targets.indicators import BUNDLED, INDICATORS
from streams.why.coincidences import Happening
from streams.why.explanation import Question, Why, explain
from streams.why.figures import Row, answers_of, shares_of, window_rows
from streams.why.mix import Promise
from streams.why.shifts import Series, shift_of

CHANGE_DIMENSIONS = (*RECORD_DIMENSIONS, "application")
"""Where a change can be."""
MOST_WINDOWS = 500
"""Base windows of good time on each side of the start; they are the usual level of a metric."""
MOST_SERIES_WINDOWS = 120
"""Base windows before the start in which a shift of telemetry is looked for."""
LONG_MS, QUARTER_MS = 2 * 3_600_000, 900_000
"""From this length of a change on, windows of 15 minutes tell of the telemetry around it."""
MOST_ROWS, MOST_CHANGES = 100_000, 1_000

_ANSWERS = """
SELECT epoch < fromUnixTimestamp64Milli({{since:Int64}}, 'UTC') AS is_before, {labels},
       sum(detractors), sum(neutrals), sum(promoters)
FROM {public}.feedback_released
WHERE tenant = {{tenant:String}} AND epoch > fromUnixTimestamp64Milli({{from:Int64}}, 'UTC')
  AND epoch <= fromUnixTimestamp64Milli({{until:Int64}}, 'UTC') {slice}
GROUP BY ALL
ORDER BY ALL
LIMIT {{limit:UInt32}}
"""
_DETAILS = """
SELECT epoch < fromUnixTimestamp64Milli({{since:Int64}}, 'UTC') AS is_before, {labels},
       sumForEach(scores), sumForEach(lost_bands), [sum(lost_sum)]
FROM {public}.feedback_details
WHERE tenant = {{tenant:String}} AND epoch > fromUnixTimestamp64Milli({{from:Int64}}, 'UTC')
  AND epoch <= fromUnixTimestamp64Milli({{until:Int64}}, 'UTC') {slice}
GROUP BY ALL
ORDER BY {labels}, is_before
LIMIT {{limit:UInt32}}
"""
_WINDOWS = """
SELECT 1000 * (toInt64(toUnixTimestamp(window_start)) + window_s) AS end_ms, {labels}, sum(good_ms), sum(attempted_ms)
FROM {public}.telemetry
WHERE tenant = {{tenant:String}} AND metric = {{metric:String}}
  AND window_start >= fromUnixTimestamp64Milli({{from:Int64}}, 'UTC')
  AND window_start < fromUnixTimestamp64Milli({{until:Int64}}, 'UTC') {slice}
GROUP BY ALL
ORDER BY ALL
LIMIT {{limit:UInt32}}
"""
_CHANGES = """
SELECT kind, change_id, toUnixTimestamp64Milli(started_at) AS at_ms, title, {labels}
FROM {public}.changes
WHERE tenant = {{tenant:String}} AND started_at >= fromUnixTimestamp64Milli({{from:Int64}}, 'UTC')
  AND started_at <= fromUnixTimestamp64Milli({{until:Int64}}, 'UTC') {slice}
ORDER BY at_ms DESC, change_id
LIMIT {{limit:UInt32}}
"""
_SERIES = """
SELECT metric, {labels}, 1000 * (toInt64(toUnixTimestamp(window_start)) + window_s) AS end_ms,
       sum(good_ms), sum(attempted_ms), toInt64(round(1000 * sum(value_sum))), sum(n)
FROM {public}.{view}
WHERE tenant = {{tenant:String}} AND metric != {{metric:String}}
  AND window_start >= fromUnixTimestamp64Milli({{from:Int64}}, 'UTC')
  AND window_start < fromUnixTimestamp64Milli({{until:Int64}}, 'UTC') {slice}
GROUP BY ALL
ORDER BY metric, {labels}, end_ms
LIMIT {{limit:UInt32}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When something changed.

    Attributes:
        since_ms: End of the first epoch or window of the change; ms UTC.
        at_ms: End of the one at which the alert was raised.
        unit_ms: Length of an epoch or window.
        least: People in a published part at least: k.
        has_budget: Whether what raised the alert has a stated run length: a drift.
    """

    since_ms: int
    at_ms: int
    unit_ms: int
    least: int
    has_budget: bool = True


class WhyStore:
    """Asks by one connection; for one thread at a time. All methods block and raise `WarehouseError`.

    Args:
        warehouse: Connection.
        metrics: The metric catalogue: which direction is bad, and what is counted.
    """

    def __init__(self, warehouse: Warehouse, metrics: Mapping[str, Metric]) -> None:
        self._warehouse = warehouse
        self._metrics = metrics
        self._public = f"`{public_of(warehouse.address.database)}`"

    def why(self, target: Target, moment: Moment) -> Why:
        """Explain a change of a target's score by what is published up to the alert."""
        measure = INDICATORS[target.indicator]
        question = Question(
            slice=target.slice,
            scale=measure.scale,
            dimensions=measure.dimensions,
            least=moment.least if measure.is_feedback else 1,
            since_ms=moment.since_ms,
            until_ms=moment.at_ms,
            reach_ms=1000 * target.window_s,
            promise=Promise(
                objective=measure.scale.share(target.objective),
                level=max(1.0, target.run_length / (moment.least if measure.is_feedback else 1)),
                has_budget=moment.has_budget,
            ),
        )
        before, after = self._figures(target, question, moment)
        happenings = [*self.changes(target.tenant, question), *self.shifts(target, question, moment.unit_ms)]
        return explain(question, before, after, happenings)

    def _figures(self, target: Target, question: Question, moment: Moment) -> tuple[list[Row], list[Row]]:
        """Return the rows of an indicator that is known here; for any other one coincidences are all there is."""
        readers: Mapping[str, Callable[[], tuple[list[Row], list[Row]]]] = {
            "happiness": lambda: self.answers(target.tenant, question),
            "good_time": lambda: self.windows(target, question, moment.unit_ms),
        }
        if target.indicator in BUNDLED:
            return self.details(target, question)
        reader = readers.get(target.indicator)
        return reader() if reader else ([], [])

    def answers(self, tenant: str, question: Question) -> tuple[list[Row], list[Row]]:
        """Return the released answers of the slice before and since the change, added up by label."""
        sql, asked = self._query(_ANSWERS, RECORD_DIMENSIONS, question.slice)
        rows = self._ask(sql, {**asked, "tenant": tenant, **_span(question), "since": question.since_ms})
        before: list[Row] = []
        after: list[Row] = []
        for is_before, *values, detractors, neutrals, promoters in rows:
            counts = Counts(detractors=detractors, neutrals=neutrals, promoters=promoters)
            (before if is_before else after).append(
                answers_of(dict(zip(RECORD_DIMENSIONS, values, strict=True)), counts)
            )
        return before, after

    def details(self, target: Target, question: Question) -> tuple[list[Row], list[Row]]:
        """Return what the bundles of the slice say before and since the change, added up by label."""
        sql, asked = self._query(_DETAILS, RECORD_DIMENSIONS, question.slice)
        rows = self._ask(sql, {**asked, "tenant": target.tenant, **_span(question), "since": question.since_ms})
        before: list[Row] = []
        after: list[Row] = []
        for is_before, *values, scores, bands, sums in rows:
            seen = observed(BUNDLED[target.indicator](target.metric, details_read(scores, bands, sums, {})))
            row = shares_of(dict(zip(RECORD_DIMENSIONS, values, strict=True)), moments_of(seen))
            (before if is_before else after).append(row)
        return before, after

    def windows(self, target: Target, question: Question, unit_ms: int) -> tuple[list[Row], list[Row]]:
        """Return the published windows of the slice before and since the change, the nearest ones."""
        sql, asked = self._query(_WINDOWS, TELEMETRY_DIMENSIONS, question.slice)
        reach_ms = MOST_WINDOWS * unit_ms
        span = {
            "from": question.since_ms - unit_ms - min(question.reach_ms, reach_ms),
            "until": min(question.until_ms, question.since_ms + reach_ms),
        }
        rows = self._ask(sql, {**asked, "tenant": target.tenant, "metric": target.metric, **span})
        before: list[Row] = []
        after: list[Row] = []
        for end_ms, group in groupby(rows, key=lambda row: int(row[0])):
            parts = [(_labels(row[1:-2]), int(row[-2]), int(row[-1])) for row in group]
            (before if end_ms < question.since_ms else after).extend(window_rows(parts))
        return before, after

    def changes(self, tenant: str, question: Question) -> list[Happening]:
        """Return the changes that did not happen elsewhere, the newest ones."""
        sql, asked = self._query(_CHANGES, CHANGE_DIMENSIONS, question.slice, is_open=True)
        rows = self._ask(sql, {**asked, "tenant": tenant, **_span(question), "limit": MOST_CHANGES})
        return [
            Happening(kind=kind, name=name, at_ms=at_ms, title=title, where=_named(CHANGE_DIMENSIONS, values))
            for kind, name, at_ms, title, *values in rows
        ]

    def shifts(self, target: Target, question: Question, unit_ms: int) -> list[Happening]:
        """Return the shifts of other metrics on the slice, or on what contains it, application by application."""
        is_long = question.until_ms - question.since_ms >= LONG_MS
        window_ms = QUARTER_MS if is_long else unit_ms
        reach_ms = min(question.reach_ms, 7 * 86_400_000 if is_long else MOST_SERIES_WINDOWS * unit_ms)
        known = [name for name in TELEMETRY_DIMENSIONS if name in question.slice or name == "application"]
        sql, asked = self._query(
            _SERIES, known, question.slice, is_open=True, view="telemetry_15m" if is_long else "telemetry"
        )
        span = {"from": question.since_ms - reach_ms, "until": question.until_ms}
        rows = self._ask(sql, {**asked, "tenant": target.tenant, "metric": target.metric, **span})
        found = (
            shift_of(series, since_ms=question.since_ms, window_ms=window_ms)
            for series in _narrowest(self._series(known, rows), question.slice)
        )
        return [shift for shift in found if shift is not None]

    def _series(self, known: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[Series]:
        points: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
        for metric, *values, end_ms, good_ms, attempted_ms, milli, n in rows:
            value = self._value(metric, int(good_ms), int(attempted_ms), int(milli), int(n))
            points[metric, *values].append((int(end_ms), value))
        return [
            Series(metric=key[0], where=_named(known, key[1:]), worse=self._worse(key[0]), points=tuple(sorted(found)))
            for key, found in sorted(points.items())
        ]

    def _value(self, metric: str, good_ms: int, attempted_ms: int, milli: int, n: int) -> int:
        """Return a window's level: events by number, what is judged by the part that was not good, else the mean."""
        facts = self._metrics.get(metric)
        if facts is not None and facts.kind == "event":
            return 1000 * n
        if attempted_ms:
            return 1_000_000 * (attempted_ms - good_ms) // attempted_ms
        return milli // n if n else 0

    def _worse(self, metric: str) -> Any:
        facts = self._metrics.get(metric)
        if facts is None:
            return "none"
        return "higher" if facts.good is not None else facts.worse

    def _query(
        self, text: str, labels: Sequence[str], slice_: Mapping[str, str], *, is_open: bool = False, view: str = ""
    ) -> tuple[str, dict[str, Any]]:
        """Return a statement for some labels and a slice, and what it binds.

        Args:
            text: With places for labels, slice and names.
            labels: Columns.
            slice_: Dimension -> value; what `labels` do not have is left out if rows may leave a dimension open.
            is_open: Rows that leave a dimension of the slice open belong to it, too.
            view: Which one to read.
        """
        names = [name for name in sorted(slice_) if name in _KNOWN and (not is_open or name in labels)]
        wanted = " ".join(_condition(name, is_open=is_open) for name in names)
        sql = text.format(labels=", ".join(labels), slice=wanted, public=self._public, view=view)
        return sql, {f"slice_{name}": slice_[name] for name in names}

    def _ask(self, sql: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._warehouse.ask(sql, {"limit": MOST_ROWS, **asked})


_KNOWN = frozenset({*CHANGE_DIMENSIONS, *TELEMETRY_DIMENSIONS})


def _condition(name: str, *, is_open: bool) -> str:
    return f"AND {name} IN ('', {{slice_{name}:String}})" if is_open else f"AND {name} = {{slice_{name}:String}}"


def _labels(values: Sequence[str]) -> dict[str, str]:
    return dict(zip(TELEMETRY_DIMENSIONS, values, strict=True))


def _span(question: Question) -> dict[str, int]:
    return {"from": question.since_ms - question.reach_ms, "until": question.until_ms}


def _named(names: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    return {name: value for name, value in zip(names, values, strict=True) if value}


def _narrowest(series: Sequence[Series], slice_: Mapping[str, str]) -> list[Series]:
    """Return per metric the series that name most of the slice: the rest are rows that do not know where they are."""
    most: dict[str, int] = defaultdict(int)
    for one in series:
        most[one.metric] = max(most[one.metric], _depth(one, slice_))
    return [one for one in series if _depth(one, slice_) == most[one.metric]]


def _depth(series: Series, slice_: Mapping[str, str]) -> int:
    return sum(name in series.where for name in slice_)
