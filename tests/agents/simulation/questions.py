"""The answers to the saved questions, worked out a second time: from who answered what, and from readings."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from agents.simulation.check import Simulated, sla_counts
from agents.simulation.telemetry_load import Loader
from streams.catalogue import DIMENSIONS
from streams.simulate.month import DAY_S
from streams.simulate.month_windows import QUARTER_S, days, device_bits, minutes, quarters
from streams.simulate.oracle import expected_feedback

Rows = list[tuple[Any, ...]]
LABELS = ("country", "site", "business_unit", "service", "channel", "assignment_group", "touchpoint")
Z = 1.959963984540054


class Told(NamedTuple):
    """A released block or bundle, with what its members said."""

    end_s: float
    labels: Mapping[str, str]
    bodies: list[Mapping[str, Any]]
    withheld: frozenset[str]


class Cell(NamedTuple):
    """A published window of telemetry."""

    start_s: int
    metric: str
    dims: Mapping[str, str]
    n: int
    total: int
    good_ms: int
    attempted_ms: int
    values: Mapping[int, int]


class Oracle:
    """Answers questions about a month whose parameters all keep to it from beginning to end."""

    def __init__(self, simulated: Simulated, loader: Loader) -> None:
        self.month = simulated.month
        self._simulated = simulated
        said = {
            name: body
            for (_, name), body in expected_feedback(
                item.body for item in simulated.records.bodies if item.path == "feedback"
            ).items()
        }
        self._blocks = [
            Told(
                r.epoch_ms / 1000,
                dict(zip(LABELS, b.labels, strict=True)),
                [said[m.answer] for m in b.members],
                frozenset(),
            )
            for r in simulated.blocks.released
            for b in r.blocks
        ]
        bodies = {b.block: [said[m.answer] for m in b.members] for r in simulated.blocks.released for b in r.blocks}
        self._bundles = [
            Told(r.epoch_ms / 1000, dict(zip(LABELS, b.labels, strict=True)),
                 [body for piece in b.pieces for body in bodies[piece.block]], frozenset(b.withheld))
            for r in simulated.bundles.released
            for b in r.bundles
        ]  # fmt: skip
        self._quarters, self._days = _cells(simulated, loader)

    # Feedback.

    def country_by_service(self, country: str) -> Rows:
        groups = _by(self._blocks, ("country", "service"))
        return _in_order((key[1], *_happiness(some)) for key, some in groups.items() if key[0] == country)

    def service_by_country(self, service: str) -> Rows:
        groups = _by(self._blocks, ("country", "service"))
        return _in_order((key[0], *_happiness(some)) for key, some in groups.items() if key[1] == service)

    def country_by_day(self, country: str) -> Rows:
        groups: dict[int, list[Told]] = defaultdict(list)
        for block in self._blocks:
            if block.labels["country"] == country:
                groups[math.ceil(block.end_s / DAY_S) * DAY_S - DAY_S].append(block)
        return [(_at(day), *_happiness(some)) for day, some in sorted(groups.items())]

    def countries_compared(self) -> Rows:
        released = sum(len(block.bodies) for block in self._blocks)
        groups = _by(self._blocks, ("country",))
        named = sum(len(b.bodies) for key, some in groups.items() if key[0] != "*" for b in some)
        rest, rows = released - named, []
        for (country,), some in groups.items():
            n, score, lower, upper = _happiness(some)
            bounds = (
                [None, None]
                if country == "*"
                else [(score * n - 100 * rest) / (n + rest), (score * n + 100 * rest) / (n + rest)]
            )
            rows.append((country, n, score, lower, upper, named / released, *bounds))
        return sorted(rows, key=lambda row: (row[2], row[0]))

    def service_by_channel(self, service: str) -> Rows:
        released = sum(len(block.bodies) for block in self._blocks)
        groups = _by(self._blocks, ("service", "channel"))
        named = sum(len(b.bodies) for key, some in groups.items() if "*" not in key for b in some)
        return _in_order(
            (key[1], *_happiness(some), named / released) for key, some in groups.items() if key[0] == service
        )

    def lost_time_by(self, dimension: str) -> Rows:
        rows = []
        for (value,), some in _by(self._bundles, (dimension,)).items():
            lost = [
                min(480, body["lost_minutes"])
                for bundle in some
                if "lost" not in bundle.withheld
                for body in bundle.bodies
                if body.get("lost_minutes") is not None
            ]
            rows.append((sum(lost), value, len(lost)))
        return [
            (value, n, lost / 60, lost / n if n else None)
            for lost, value, n in sorted(rows, key=lambda r: (-r[0], r[1]))
        ]

    def reasons_by_service(self, service: str) -> Rows:
        found: dict[str, int] = defaultdict(int)
        for bundle in self._bundles:
            if bundle.labels["service"] == service and "factors" not in bundle.withheld:
                for body in bundle.bodies:
                    for factor in set(body["factors"]):
                        found[factor] += 1
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))

    # Telemetry.

    def sites_by_network(self, country: str) -> Rows:
        groups = self._grouped(self._days, "network.latency", "site", country=country)
        return sorted(
            ((v, s[0], s[2] / s[3], s[1] / 1000 / s[0]) for v, s in groups.items()), key=lambda r: (r[2], r[0])
        )

    def applications_by_good_time(self, service: str) -> Rows:
        groups = self._grouped(self._days, "app.response_time", "application", service=service)
        rows = [
            (name, s[0], s[2] / s[3], (s[3] - s[2]) / 3_600_000, self._quantile(95, name)) for name, s in groups.items()
        ]
        return sorted(rows, key=lambda row: (row[2], row[0]))

    def _quantile(self, percent: int, application: str) -> float:
        counts: dict[int, int] = defaultdict(int)
        for cell in self._days:
            if cell.metric == "app.response_time" and cell.dims["application"] == application:
                for value, n in cell.values.items():
                    counts[value] += n
        rank, seen = -(-percent * sum(counts.values()) // 100), 0
        for value in sorted(counts):
            seen += counts[value]
            if seen >= rank:
                return value / 1000
        raise AssertionError("no readings")

    def application_by_quarter(self, application: str) -> Rows:
        groups = self._grouped(self._quarters, "app.response_time", None, application=application)
        return [(_at(int(at)), s[0], s[2] / s[3]) for at, s in sorted(groups.items())]

    def change_before_after(self, application: str, hours: int) -> Rows:
        rows = []
        for item in self._simulated.records.bodies:
            if item.path == "changes" and item.body.get("application") == application:
                at_s = item.body["event_time_ms"] // 1000 // QUARTER_S * QUARTER_S
                sides = [
                    self._share(application, at_s - hours * 3600, at_s),
                    self._share(application, at_s + 1, at_s + hours * 3600 + 1),
                ]
                rows.append((item.body["change_id"], _at(at_s), *sides))
        return sorted(rows, key=lambda row: (row[1], row[0]))

    def _share(self, application: str, from_s: int, until_s: int) -> float:
        cells = [
            cell
            for cell in self._quarters
            if cell.metric == "app.response_time"
            and cell.dims["application"] == application
            and from_s <= cell.start_s < until_s
        ]
        attempted = sum(cell.attempted_ms for cell in cells)
        return sum(cell.good_ms for cell in cells) / attempted if attempted else math.nan

    def crashes_by_version(self, application: str) -> Rows:
        groups = self._grouped(self._days, "app.crash", "os_version", application=application)
        return sorted(((name, s[0]) for name, s in groups.items()), key=lambda row: (-row[1], row[0]))

    def waiting_by_service(self) -> Rows:
        found: dict[tuple[datetime, str], float] = defaultdict(float)
        for cell in self._days:
            if cell.metric == "app.response_time":
                day = _at(cell.start_s)
                week = (day - timedelta(days=day.weekday())).date()
                found[week, cell.dims["service"]] += (cell.attempted_ms - cell.good_ms) / 3_600_000  # type: ignore[index]
        rows = [(service, week, hours) for (week, service), hours in found.items()]
        return sorted(rows, key=lambda row: (row[1], -row[2], row[0]))

    def models_before_after(self, at_s: int) -> Rows:
        rows = []
        for model in {c.dims["device_model"] for c in self._days if c.metric == "device.login_time"}:
            mine = [c for c in self._days if c.metric == "device.login_time" and c.dims["device_model"] == model]
            sides = [[c for c in mine if c.start_s < at_s], [c for c in mine if c.start_s >= at_s]]
            before, since = (
                sum(c.total for c in side) / 1000 / sum(c.n for c in side) if side else math.nan for side in sides
            )
            rows.append((model, before, since, since / before))
        return sorted(rows, key=lambda row: (math.isnan(row[3]), -row[3], row[0]))

    def _grouped(self, cells: Iterable[Cell], metric: str, by: str | None, **where: str) -> dict[Any, list[int]]:
        """Sums of readings, values, good and attempted time; by a dimension, else by the start."""
        found: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for cell in cells:
            if cell.metric == metric and all(cell.dims[name] == value for name, value in where.items()):
                sums = found[cell.dims[by] if by else cell.start_s]
                for i, value in enumerate((cell.n, cell.total, cell.good_ms, cell.attempted_ms)):
                    sums[i] += value
        return found

    # Tickets, targets and alerts.

    def service_level_by_day(self) -> Rows:
        found: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for (day, _, _), (tickets, made) in sla_counts(self._simulated).items():
            found[day] = [found[day][0] + tickets, found[day][1] + made]
        return [(_at(day), tickets, made, made / tickets) for day, (tickets, made) in sorted(found.items())]

    def service_level_beside_happiness(self, goal: float, objective: float) -> Rows:
        kept: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for (_, _, service), (tickets, made) in sla_counts(self._simulated).items():
            kept[service] = [kept[service][0] + tickets, kept[service][1] + made]
        rows = []
        for (service,), some in _by(self._blocks, ("service",)).items():
            if service in kept:
                tickets, made = kept[service]
                n, score, _, upper = _happiness(some)
                melon = int(made / tickets >= goal and upper < objective)
                rows.append((service, tickets, made / tickets, n, score, upper, melon))
        return sorted(rows, key=lambda row: (row[4], row[0]))

    def targets_overview(self) -> Rows:
        found: dict[tuple[str, str], int] = defaultdict(int)
        for target, verdict in self._simulated.judged.newest.items():
            found[target.split("/")[0], verdict.verdict] += 1
        return sorted((family, verdict, n) for (family, verdict), n in found.items())

    def targets_missed(self) -> list[str]:
        newest = self._simulated.judged.newest
        return sorted(target for target, verdict in newest.items() if verdict.verdict == "missed")

    def alerts_in_period(self) -> Rows:
        newest = {alert.alert_id: alert for alert in sorted(self._simulated.judged.alerts, key=lambda a: a.sequence)}
        rows = [(a.started_at_ms, a.target, a.kind, a.state, a.calls) for a in newest.values()]
        return sorted(rows)


def _at(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def _by(told: Iterable[Told], names: tuple[str, ...]) -> dict[tuple[str, ...], list[Told]]:
    found: dict[tuple[str, ...], list[Told]] = defaultdict(list)
    for one in told:
        found[tuple(one.labels[name] for name in names)].append(one)
    return found


def _happiness(told: Iterable[Told]) -> tuple[int, float, float, float]:
    """Answers, score and its adjusted Wald interval (domain: n + 3, three quarters of an answer on each side)."""
    scores = [body["score"] for one in told for body in one.bodies]
    n, unhappy, happy = len(scores), sum(s <= 6 for s in scores), sum(s >= 9 for s in scores)
    p, d = (happy + 0.75) / (n + 3), (unhappy + 0.75) / (n + 3)
    half = Z * math.sqrt((p + d - (p - d) ** 2) / (n + 3))
    return n, 100 * (happy - unhappy) / n, max(-100.0, 100 * (p - d - half)), min(100.0, 100 * (p - d + half))


def _in_order(rows: Iterable[tuple[Any, ...]]) -> Rows:
    """By score, then by name."""
    return sorted(rows, key=lambda row: (row[2], row[0]))


def _cells(simulated: Simulated, loader: Loader) -> tuple[list[Cell], list[Cell]]:
    """All published windows of 15 minutes and of a day, of the metrics that questions are about."""
    month, small, large = simulated.month, [], []
    asked = ("app.response_time", "app.crash", "network.latency", "device.login_time")
    for group in (group for group in loader.groups if group.metric in asked):
        for day_s in range(month.start_s, month.end_s, DAY_S):
            words, masks = minutes(group, loader.course, day_s, min(day_s + DAY_S, month.end_s))
            merged = quarters(group, words, masks, day_s)
            small += list(_published(group, merged, simulated.profile.k))
            if day_s in month.whole_days:
                large += list(_published(group, days(merged), simulated.profile.k))
    return small, large


def _published(group: Any, windows: Any, k: int) -> Iterator[Cell]:
    devices = device_bits(windows.masks).sum(axis=-1)
    for i, j in np.ndindex(*windows.masks.shape):
        dims, shared = group.keys[j]
        if shared or devices[i, j] >= k:
            counts = {int(v): int(c) for v, c in zip(group.values[j], windows.counts[i, j], strict=True) if c}
            n = int(windows.counts[i, j].sum())
            good = sum(int(c) for c, is_good in zip(windows.counts[i, j], group.good[j], strict=True) if is_good)
            total = sum(int(v) * int(c) for v, c in zip(group.values[j], windows.counts[i, j], strict=True))
            place = dict(zip(DIMENSIONS, dims, strict=True))
            at_s = windows.first_s + int(i) * windows.window_s
            yield Cell(at_s, group.metric, place, n, total, good * group.covers_ms, n * group.covers_ms, counts)
