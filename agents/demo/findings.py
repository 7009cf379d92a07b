"""After the last event: what the warehouse holds, against what the senders and the topic know."""

from __future__ import annotations

from collections.abc import Sequence

from agents.demo import check
from agents.demo.report import Counts, Raised, Report
from agents.demo.sender import Ledger
from agents.demo.topic import read_topic
from agents.stack import Stack
from agents.topics import TELEMETRY, topic_incarnation
from agents.warehouse.client import Warehouse, WarehouseError
from streams.catalogue import Catalogue
from streams.simulate import oracle
from streams.simulate.names import METRICS
from streams.simulate.organisation import Organisation
from streams.simulate.truths import Truth


class Findings:
    """Fills the report of one demo.

    Args:
        stack: Where it played.
        writer: A connection that sees everything.
        tenant: Whose events they were.
        organisation: Who sent them.
        catalogue: The metric catalogue.
    """

    def __init__(
        self, stack: Stack, writer: Warehouse, tenant: str, organisation: Organisation, catalogue: Catalogue
    ) -> None:
        self._stack = stack
        self._writer = writer
        self._tenant = tenant
        self._organisation = organisation
        self._catalogue = catalogue

    def unfinished(self, closed_ms: int, expected: Sequence[Truth]) -> list[str]:
        """Return what has not come yet: a lane that is not read past an instant, an alert of a planted truth.

        Args:
            closed_ms: When nothing that was sent can be under way any more; ms UTC. The gateway's ticks pass it.
            expected: Truths that must have been noticed.
        """
        try:
            reached = self._writer.ask(_REACHED, {"generation": self._stack.profile.generation})
            fired = {target for target, *_ in self._alert_rows()}
        except WarehouseError:
            return ["warehouse"]
        lanes: dict[str, int] = dict(reached)
        left = [lane for lane in ("telemetry", "records") if lanes.get(lane, 0) < closed_ms]
        missing = {target for truth in expected for target in truth.must_alert} - fired
        return left + (["alerts"] if missing else [])

    def compare(self, report: Report, ledger: Ledger, *, is_log_whole: bool) -> None:
        """Compare windows, audits and answers, and count.

        Args:
            report: To fill.
            ledger: What the simulated senders had acknowledged.
            is_log_whole: The broker did not die, so every acknowledged record must be there.
        """
        brokers, profile = self._stack.settings.brokers, self._stack.profile
        stored = check.Stored(self._writer, profile.generation)
        current = topic_incarnation(brokers, TELEMETRY)
        audits, ends = stored.audits(current)
        reach = stored.reach()
        truth = check.Truth(self._organisation, self._catalogue, profile)
        alive = check.surviving(ledger.accepted, reach, current)
        report.senders = check.compare(
            truth.windows(alive), stored.sums(self._tenant, METRICS), undetermined=truth.windows(ledger.unknown)
        )
        windows, tiles = oracle.fold_topic(
            read_topic(brokers, TELEMETRY, ends),
            check.metric_facts(self._catalogue),
            tile=profile.tile_size,
            horizon=profile.horizon,
            window_ms=profile.window_ms,
            grace_ms=profile.grace_ms,
        )
        report.topic = check.compare(windows, stored.windows(current))
        report.audits = check.compare(tiles, audits)
        report.lost = check.lost_ranges(ledger.accepted, reach, current)
        report.unknown, report.refused = len(ledger.unknown), ledger.refused[:5]
        if is_log_whole:  # else nobody knows which deliveries the lost log still held
            report.feedback = self._feedback(ledger)
        self._count(report)

    def _feedback(self, ledger: Ledger) -> check.Comparison:
        sent = (item.body for item, _ in ledger.accepted if item.path == "feedback")
        expected = {
            name[1]: (body["revision"], body["state"], body.get("score"), body.get("lost_minutes"))
            for name, body in oracle.expected_feedback(sent).items()
        }
        rows = self._writer.ask(_FEEDBACK, {"tenant": self._tenant})
        return check.compare(expected, {row[0]: tuple(row[1:]) for row in rows})

    def _count(self, report: Report) -> None:
        given = {"tenant": self._tenant, "simulated": list(METRICS), "generation": self._stack.profile.generation}
        report.real_events, report.real_metrics = self._writer.ask(_REAL, given)[0]
        produced, folded, invalid, duplicate, late = self._writer.ask(_COUNTS, given)[0]
        report.events = Counts(produced=produced, folded=folded, invalid=invalid, duplicate=duplicate, late=late)

    def judge_alerts(self, report: Report, truths: Sequence[Truth], expected: Sequence[Truth]) -> None:
        """Tell planted alerts from false ones, and name those that are missing.

        Args:
            report: To fill.
            truths: All that was planted.
            expected: Those that began early enough to be noticed.
        """
        starts = {target: truth.start_ms for truth in truths for target in (*truth.must_alert, *truth.may_alert)}
        fired = set()
        for target, state, started_ms, written_ms in self._alert_rows():
            is_planted = target in starts and started_ms >= starts[target]
            delay = round((written_ms - starts[target]) / 1000, 1) if is_planted else None
            report.alerts.append(Raised(target=target, state=state, planted=is_planted, delay_s=delay))
            fired |= {target} if is_planted else set()
        report.missed = sorted({target for truth in expected for target in truth.must_alert} - fired)

    def _alert_rows(self) -> list[tuple[str, str, int, int]]:
        return [(t, s, a, w) for t, s, a, w in self._writer.ask(_ALERTS, {"tenant": self._tenant})]


_REACHED = (
    "SELECT 'telemetry', toUnixTimestamp64Milli(reached) FROM telemetry_progress "
    "WHERE generation = {generation:UInt16} "
    "UNION ALL SELECT 'records', toUnixTimestamp64Milli(reached) FROM records_progress_total"
)
_FEEDBACK = (
    "SELECT response_id, revision, state, score, lost_minutes FROM feedback FINAL WHERE tenant = {tenant:String}"
)
_REAL = (
    "SELECT sum(n), uniqExact(metric) FROM tiles FINAL "
    "WHERE tenant = {tenant:String} AND metric NOT IN {simulated:Array(String)}"
)
_COUNTS = (
    "SELECT sum(n_in) - sum(n_tick), sum(n_valid), sum(n_invalid), sum(n_duplicate), sum(n_late) FROM tile_audit FINAL "
    "WHERE generation = {generation:UInt16} AND incarnation IN (SELECT incarnation FROM tiles "
    "WHERE tenant = {tenant:String})"
)
_ALERTS = (
    "SELECT target, argMax(state, sequence), min(toUnixTimestamp64Milli(started_at)), "
    "min(toUnixTimestamp64Milli(written_at)) FROM alerts FINAL WHERE tenant = {tenant:String} AND calls = 'yes' "
    "GROUP BY alert_id, target ORDER BY 3"
)
