"""One demo from the empty stage to the report: prepare, send, watch, drain, compare."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from agents.declared import read_target_files, stamp_now, target_files
from agents.demo import check
from agents.demo.exposition import read_total
from agents.demo.host import HostMetrics, host_name
from agents.demo.report import Counts, Raised, Report
from agents.demo.sender import Sender
from agents.demo.topic import read_topic
from agents.demo.view import Frame
from agents.demo.watch import Watch
from agents.gateway.directory_load import load
from agents.gateway.identity import Pseudonyms, read_key
from agents.installation import Installation, publishing
from agents.stack import GATEWAY, TELEMETRY, Stack
from agents.target_ledger import publish, retire
from agents.topics import TELEMETRY as TELEMETRY_TOPIC
from agents.topics import topic_incarnation
from agents.warehouse.client import Warehouse, WarehouseError
from streams.catalogue import Catalogue
from streams.errors import XPulseError
from streams.simulate import oracle
from streams.simulate.directory import VALID_FROM, DirectoryRow, device_dimensions, directory_csv
from streams.simulate.names import METRICS
from streams.simulate.organisation import Organisation
from streams.simulate.scenario import Scenario, demo
from streams.simulate.timeline import timeline
from streams.simulate.truths import Truth
from streams.targets import expand

DRAIN_WITHIN_S = 30.0
NOTICE_WITHIN_S = 45.0
"""A planted drift must be noticed within this time; one that began later before the end of input is not asked for."""
PREPARE_WITHIN_S = 30.0
LOOK_EVERY_S = 1.0
TEND_EVERY_S = 0.1

Show = Callable[[Frame], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to play.

    Attributes:
        seconds: Length of the input; None = until stopped.
        seed: The same seed plays the same events at the same distances in time.
    """

    seconds: float | None
    seed: int = 1


class Demo:
    """Plays on a running installation.

    Args:
        installation: Up and ready.
        catalogue: The metric catalogue.
        plan: What to play.
        show: Called about once a second with what the live view shows.
        stopping: Set it to end the input early.
    """

    def __init__(
        self, installation: Installation, catalogue: Catalogue, plan: Plan, show: Show, stopping: threading.Event
    ) -> None:
        self._installation = installation
        self._stack: Stack = installation.stack
        self._catalogue = catalogue
        self._plan = plan
        self._show = show
        self._stopping = stopping
        self.tenant = f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        self._scenario: Scenario = demo(self.tenant)
        self._organisation: Organisation = self._scenario.organisation(plan.seed)
        self._writer: Warehouse = self._stack.writer()
        self._watch = Watch(self._stack.reader(), self.tenant, self._stack.metrics_url(TELEMETRY))
        self._incarnation = topic_incarnation(self._stack.settings.brokers, TELEMETRY_TOPIC)
        self._begin_s = 0.0

    def run(self) -> Report:
        """Play, compare, and return what was found."""
        self._load_directory()
        self._publish_targets()
        start_ms = _now_ms() + 500
        self._begin_s = start_ms / 1000
        items = timeline(self._scenario, self._plan.seed, start_ms)
        sender = Sender(self._stack.gateway_url, self.tenant, items, lambda: self._installation.broker_deaths)
        host = HostMetrics(self._stack.gateway_url, self.tenant)
        sender.start()
        self._watch_while("input", self._wants_more)
        sender.stop()
        host.stop()
        return self._drain_and_compare(sender, _now_ms(), self._scenario.truths(start_ms))

    def _wants_more(self) -> bool:
        elapsed = time.time() - self._begin_s
        return not self._stopping.is_set() and (self._plan.seconds is None or elapsed < self._plan.seconds)

    def _watch_while(self, phase: str, is_going_on: Callable[[], bool]) -> None:
        look_at = 0.0
        while is_going_on():
            self._installation.tend()
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_EVERY_S
                self._watch.look()
                self._show(self.frame(phase))
            time.sleep(TEND_EVERY_S)

    def frame(self, phase: str) -> Frame:
        """Return what the live view shows now."""
        supervisor, restarts = self._installation.supervisor, self._installation.restarts()
        parts = {
            name: supervisor.state_of(name) + (f" (restarted {count}×)" if count else "")
            for name, count in restarts.items()
        }
        elapsed = time.time() - self._begin_s
        return Frame(
            tenant=self.tenant,
            phase=phase,
            elapsed_s=elapsed,
            left_s=None if self._plan.seconds is None else self._plan.seconds - elapsed,
            parts=parts,
            notes=list(self._installation.notes),
            snapshot=self._watch.last,
        )

    # Before the first event.

    def _load_directory(self) -> None:
        folder = self._stack.folder
        text = directory_csv(self._organisation)
        host = DirectoryRow("device", host_name(), VALID_FROM, device_model="demo-host", shared="true")
        source = folder.run / f"{self.tenant}.csv"
        source.write_text(text + ",".join(host) + "\n")
        before = self._known_entries()
        done = load(
            source, tenant=self.tenant, folder=folder.directory, pseudonyms=Pseudonyms(read_key(folder.key_file))
        )
        source.unlink()
        # The gateway looks for new directories once a second; what came earlier would have no dimensions.
        self._wait_for(lambda: self._known_entries() >= before + done.total, "the gateway to read the directory")

    def _known_entries(self) -> float:
        page = httpx.get(self._stack.metrics_url(GATEWAY), timeout=5.0).text
        return read_total(page, "xpulse_gateway_directory_entries")

    def _wait_for(self, is_done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PREPARE_WITHIN_S
        while not is_done():
            self._installation.tend()
            if time.monotonic() > deadline:
                raise XPulseError(f"waited {PREPARE_WITHIN_S:.0f} s in vain for {what}")
            time.sleep(TEND_EVERY_S)

    def _publish_targets(self) -> None:
        stamp = stamp_now("demo", "a demo began")
        drafts = [
            draft
            for spec in read_target_files(target_files(), self._catalogue)
            for draft in expand(
                spec, tenant=self.tenant, profile=self._stack.profile.name, values=self._values(), stamp=stamp
            )
        ]
        with publishing(self._stack) as (ledger, publisher):
            for tenant in _old_demos(self._writer, self.tenant):
                asyncio.run(retire(ledger, publisher, tenant, stamp_now("demo", "another demo began")))
            asyncio.run(publish(ledger, publisher, drafts))

    def _values(self) -> Mapping[str, Sequence[str]]:
        countries = {dimensions["country"] for dimensions in device_dimensions(self._organisation).values()}
        applications = self._organisation.applications
        return {
            "country": sorted(countries),
            "service": sorted(set(applications.values())),
            "application": sorted(applications),
        }

    # After the last event.

    def _drain_and_compare(self, sender: Sender, stop_ms: int, truths: Sequence[Truth]) -> Report:
        report = Report(tenant=self.tenant, seconds=stop_ms / 1000 - self._begin_s)
        expected = [truth for truth in truths if truth.start_ms + NOTICE_WITHIN_S * 1000 <= stop_ms]
        deadline = time.monotonic() + DRAIN_WITHIN_S
        profile = self._stack.profile
        closed_ms = stop_ms + profile.window_ms + profile.grace_ms

        def is_draining() -> bool:
            left = self._unfinished(closed_ms, expected)
            report.unfinished = [name for name in left if name != "alerts"]
            return bool(left) and time.monotonic() < deadline

        self._watch_while("draining", is_draining)
        self._show(self.frame("comparing"))
        self._compare(report, sender)
        self._judge_alerts(report, truths, expected)
        report.restarts = self._installation.restarts()
        last = self._watch.look()
        report.freshness_p50_s, report.freshness_p99_s = last.freshness_p50_s, last.freshness_p99_s
        return report

    def _unfinished(self, closed_ms: int, expected: Sequence[Truth]) -> list[str]:
        """What the warehouse does not hold yet: nothing more will come after the gateway's ticks have passed."""
        try:
            given = {"generation": self._stack.profile.generation}
            lanes: dict[str, int] = dict(self._writer.ask(_REACHED, given))
            fired = {target for target, *_ in self._alert_rows()}
        except WarehouseError:
            return ["warehouse"]
        left = [lane for lane in ("telemetry", "records") if lanes.get(lane, 0) < closed_ms]
        missing = {target for truth in expected for target in truth.must_alert} - fired
        return left + (["alerts"] if missing else [])

    def _compare(self, report: Report, sender: Sender) -> None:
        profile, ledger = self._stack.profile, sender.ledger
        stored = check.Stored(self._writer, profile.generation)
        current = topic_incarnation(self._stack.settings.brokers, TELEMETRY_TOPIC)
        audits, ends = stored.audits(current)
        reach = stored.reach()
        truth = check.Truth(self._organisation, self._catalogue, profile)
        alive = check.surviving(ledger.accepted, reach, current)
        report.senders = check.compare(
            truth.windows(alive), stored.sums(self.tenant, METRICS), undetermined=truth.windows(ledger.unknown)
        )
        records = read_topic(self._stack.settings.brokers, TELEMETRY_TOPIC, ends)
        windows, tiles = oracle.fold_topic(
            records,
            check.metric_facts(self._catalogue),
            tile=profile.tile_size,
            horizon=profile.horizon,
            window_ms=profile.window_ms,
            grace_ms=profile.grace_ms,
        )
        report.topic = check.compare(windows, stored.windows(current))
        report.audits = check.compare(tiles, audits)
        self._compare_feedback(report, sender)
        self._count(report)
        report.lost = check.lost_ranges(ledger.accepted, reach, current)
        report.unknown, report.refused = len(ledger.unknown), ledger.refused[:5]

    def _compare_feedback(self, report: Report, sender: Sender) -> None:
        if self._installation.broker_deaths:
            return  # which deliveries the lost log still held is not known
        sent = (item.body for item, _ in sender.ledger.accepted if item.path == "feedback")
        expected = {
            name[1]: (body["revision"], body["state"], body.get("score"), body.get("lost_minutes"))
            for name, body in oracle.expected_feedback(sent).items()
        }
        rows = self._writer.ask(_FEEDBACK, {"tenant": self.tenant})
        report.feedback = check.compare(expected, {row[0]: tuple(row[1:]) for row in rows})

    def _count(self, report: Report) -> None:
        given = {"tenant": self.tenant, "simulated": list(METRICS), "begin": int(self._begin_s * 1000)}
        report.real_events, report.real_metrics = self._writer.ask(_REAL, given)[0]
        produced, folded, invalid, duplicate, late = self._writer.ask(
            _COUNTS, {"generation": self._stack.profile.generation, **given}
        )[0]
        report.events = Counts(produced=produced, folded=folded, invalid=invalid, duplicate=duplicate, late=late)

    def _alert_rows(self) -> list[tuple[str, str, int, int]]:
        return [(t, s, a, w) for t, s, a, w in self._writer.ask(_ALERTS, {"tenant": self.tenant})]

    def _judge_alerts(self, report: Report, truths: Sequence[Truth], expected: Sequence[Truth]) -> None:
        starts = {target: truth.start_ms for truth in truths for target in (*truth.must_alert, *truth.may_alert)}
        fired = set()
        for target, state, started_ms, written_ms in self._alert_rows():
            is_planted = target in starts and started_ms >= starts[target]
            delay = round((written_ms - starts[target]) / 1000, 1) if is_planted else None
            report.alerts.append(Raised(target=target, state=state, planted=is_planted, delay_s=delay))
            fired |= {target} if is_planted else set()
        report.missed = sorted({target for truth in expected for target in truth.must_alert} - fired)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _old_demos(writer: Warehouse, tenant: str) -> list[str]:
    return [row[0] for row in writer.ask(_OLD_DEMOS, {"tenant": tenant})]


_OLD_DEMOS = (
    "SELECT DISTINCT tenant FROM xpulse_pub.targets "
    "WHERE state = 'active' AND startsWith(tenant, 'demo-') AND tenant != {tenant:String}"
)
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
    "min(toUnixTimestamp64Milli(written_at)) FROM alerts FINAL WHERE tenant = {tenant:String} "
    "GROUP BY alert_id, target ORDER BY 3"
)
