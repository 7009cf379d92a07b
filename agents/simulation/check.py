"""Whether the public views say what was simulated: figures added up without the warehouse, compared exactly."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.simulation.judge_load import Judged
from agents.simulation.records_load import Records
from agents.simulation.release_load import MonthBlocks, MonthBundles
from agents.simulation.telemetry_totals import Loaded
from agents.warehouse.client import Warehouse
from streams.profile import Profile
from streams.simulate.month import DAY_S, Month
from streams.simulate.oracle import expected_feedback
from streams.simulate.organisation import Organisation

Key = tuple[Any, ...]
Figures = Mapping[Key, tuple[Any, ...]]

VIEWS = {60: "telemetry", 900: "telemetry_15m", DAY_S: "telemetry_1d"}
EXAMPLES = 5
_TELEMETRY = """
SELECT metric, service, count(), sum(n), sum(toInt128(round(1000 * value_sum))), sum(good_ms), sum(attempted_ms)
FROM {public}.{view}
WHERE tenant = {{tenant:String}} AND window_start >= toDateTime({{day:UInt32}}, 'UTC')
  AND window_start < toDateTime({{day:UInt32}} + 86400, 'UTC')
GROUP BY metric, service
"""
_ANSWERS = """
SELECT country, service, sum(n), sum(detractors), sum(neutrals), sum(promoters)
FROM {public}.feedback_released WHERE tenant = {{tenant:String}} GROUP BY country, service
"""
_DETAILS = """
SELECT 1, sum(n), sum(lost_n), sum(lost_sum), sumForEach(scores), sumMap(factors)
FROM {public}.feedback_details WHERE tenant = {{tenant:String}}
"""
_SLA = """
SELECT toUnixTimestamp(period_start), country, service, tickets, made
FROM {public}.sla WHERE tenant = {{tenant:String}}
"""
_RATES = """
SELECT toUnixTimestamp64Milli(cohort_start), toUnixTimestamp64Milli(cohort_end), invited, answered
FROM {public}.response_rates WHERE tenant = {{tenant:String}}
"""
_COUNTS = """
SELECT 'changes', count() FROM {public}.changes WHERE tenant = {{tenant:String}}
UNION ALL SELECT 'verdicts', count() FROM {public}.verdicts WHERE tenant = {{tenant:String}}
UNION ALL SELECT 'alerts', count() FROM {public}.alerts WHERE tenant = {{tenant:String}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """All that is known of a month without asking the warehouse."""

    month: Month
    profile: Profile
    organisation: Organisation
    telemetry: Loaded
    records: Records
    blocks: MonthBlocks
    bundles: MonthBundles
    judged: Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the comparison found.

    Attributes:
        compared: Figures that were compared.
        different: A line for people for each row that differs, the first ones.
    """

    compared: int
    different: Sequence[str]


def compare(warehouse: Warehouse, public: str, simulated: Simulated) -> Outcome:
    """Ask the public views for everything that was added up, and compare.

    Args:
        warehouse: Of a user that may take its time.
        public: Name of the readers' database.
        simulated: What was simulated.

    Raises:
        WarehouseError: No answer.
    """
    compared, different = 0, []
    for name, expected, sql, parameters in _questions(simulated):
        asked = {"tenant": simulated.month.tenant, **parameters}
        rows = warehouse.ask(sql.format(public=f"`{public}`", **_view(parameters)), asked)
        width = len(next(iter(expected))) if expected else 1
        found = {row[:width]: _plain(row[width:]) for row in rows}
        compared += sum(len(figures) for figures in expected.values())
        different += [
            f"{name} {key}: {found.get(key)} instead of {expected.get(key)}"
            for key in sorted({*expected, *found}, key=str)
            if found.get(key) != expected.get(key)
        ]
    return Outcome(compared=compared, different=different)


def _view(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"view": parameters["view"]} if "view" in parameters else {}


def _plain(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(tuple(v) if isinstance(v, list) else dict(v) if isinstance(v, dict) else v for v in values)


def _questions(simulated: Simulated) -> Iterator[tuple[str, Figures, str, dict[str, Any]]]:
    for (window_s, day_s), expected in telemetry_sums(simulated).items():
        yield f"{VIEWS[window_s]} of {day_s}", expected, _TELEMETRY, {"view": VIEWS[window_s], "day": day_s}
    categories = _Categories(simulated)
    yield "feedback_released", categories.by_label(), _ANSWERS, {}
    yield "feedback_details", categories.details(), _DETAILS, {}
    yield "response_rates", response_counts(simulated), _RATES, {}
    yield "sla", sla_counts(simulated), _SLA, {}
    yield "rows", _counts(simulated), _COUNTS, {}


def telemetry_sums(simulated: Simulated) -> dict[tuple[int, int], Figures]:
    """Return (window length, day) -> (metric, service) -> rows, readings, sum, good and attempted time."""
    found: dict[tuple[int, int], dict[Key, tuple[Any, ...]]] = defaultdict(dict)
    for place, sums in simulated.telemetry.totals.items():
        if sums.rows:
            found[place.window_s, place.day_s][place.metric, place.service] = tuple(sums)
    return dict(found)


class _Categories:
    """What people answered, by who is in which block; from the bodies that were sent."""

    def __init__(self, simulated: Simulated) -> None:
        bodies = (item.body for item in simulated.records.bodies if item.path == "feedback")
        self._said = {name: body for (_, name), body in expected_feedback(bodies).items()}
        self._blocks = [block for release in simulated.blocks.released for block in release.blocks]
        self._bundles = [bundle for release in simulated.bundles.released for bundle in release.bundles]

    def by_label(self) -> Figures:
        """Return (country, service) -> answers, detractors, neutrals, promoters of the blocks labelled so."""
        found: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for block in self._blocks:
            sums = found[block.labels[0], block.labels[3]]
            for member in block.members:
                score = self._said[member.answer]["score"]
                sums[0] += 1
                sums[1 if score <= 6 else 2 if score <= 8 else 3] += 1
        return {key: tuple(sums) for key, sums in found.items()}

    def details(self) -> Figures:
        """Return answers, those with lost minutes, the minutes, counts by score, and factors, of all bundles."""
        members = {block.block: [member.answer for member in block.members] for block in self._blocks}
        scores, factors, n, lost = [0] * 11, Counter[str](), 0, [0, 0]
        for bundle in self._bundles:
            for body in (self._said[name] for piece in bundle.pieces for name in members[piece.block]):
                n += 1
                scores[body["score"]] += 1
                if "lost" not in bundle.withheld and body.get("lost_minutes") is not None:
                    lost = [lost[0] + 1, lost[1] + min(480, body["lost_minutes"])]
                if "factors" not in bundle.withheld:
                    factors.update(set(body.get("factors", ())))
        return {(1,): (n, *lost, tuple(scores), dict(factors))} if n else {}


def sla_counts(simulated: Simulated) -> Figures:
    """Return (day, country, service) -> closed tickets and those in time, of days that are over and k people."""
    country = {person.id: person.country for person in simulated.organisation.people}
    newest: dict[str, Any] = {}
    for item in simulated.records.bodies:
        if (
            item.path == "tickets"
            and item.body["revision"] >= newest.get(item.body["ticket_id"], item).body["revision"]
        ):
            newest[item.body["ticket_id"]] = item
    groups: dict[Key, list[Any]] = defaultdict(list)
    for item in newest.values():
        if item.body["kind"] == "closed" and item.body.get("made_sla") is not None:
            day_s = item.at_ms // 1000 // DAY_S * DAY_S
            groups[day_s, country[item.body["person"]], item.body["service"]].append(item.body)
    return {
        key: (len(bodies), sum(body["made_sla"] for body in bodies))
        for key, bodies in groups.items()
        if len({body["person"] for body in bodies}) >= simulated.profile.k and key[0] + DAY_S <= simulated.month.end_s
    }


def response_counts(simulated: Simulated) -> Figures:
    """Return (start, end) -> people invited and answers in time, day after day; ms UTC."""
    profile = simulated.profile
    waiting = sorted(_invitations(simulated), reverse=True)
    start_ms = waiting[-1][0] // profile.cohort_ms * profile.cohort_ms if waiting else 0
    last_ms = simulated.month.end_s * 1000 - profile.deadline_ms - profile.epoch_ms
    found: dict[Key, tuple[Any, ...]] = {}
    people: dict[str, bool] = {}
    for end_ms in range(start_ms + profile.cohort_ms, last_ms + 1, profile.cohort_ms):
        while waiting and waiting[-1][0] < end_ms:
            at_ms, _, person, came_ms = waiting.pop()
            people.setdefault(person, 0 < came_ms <= at_ms + profile.deadline_ms)
        if len(people) >= profile.bundle_people:
            found[start_ms, end_ms] = (len(people), sum(people.values()))
            people, start_ms = {}, end_ms
    return found


def _invitations(simulated: Simulated) -> list[tuple[int, str, str, int]]:
    """Return of each invitation when it was sent, its id, whose it is, and when it was answered; ms UTC, 0 = never."""
    items = [item for item in simulated.records.bodies if item.path == "invitations"]
    came = {item.body["invitation_id"]: item.at_ms for item in items if item.body["outcome"] == "answered"}
    sent = [
        (item.at_ms, item.body["invitation_id"], item.body["person"]) for item in items if item.body["revision"] == 1
    ]
    return [(at_ms, name, person, came.get(name, 0)) for at_ms, name, person in sent]


def _counts(simulated: Simulated) -> Figures:
    changes = {item.body["change_id"] for item in simulated.records.bodies if item.path == "changes"}
    alerts = {alert.alert_id for alert in simulated.judged.alerts}
    return {("changes",): (len(changes),), ("verdicts",): (simulated.judged.verdicts,), ("alerts",): (len(alerts),)}
