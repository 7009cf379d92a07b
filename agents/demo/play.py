"""One demo from the empty stage to the report: prepare, send, watch, drain, compare."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agents.demo.findings import Findings
from agents.demo.host import HostMetrics
from agents.demo.report import Report
from agents.demo.sender import Sender
from agents.demo.stage import Stage
from agents.demo.view import Frame
from agents.demo.watch import Watch
from agents.installation import Installation
from agents.stack import TELEMETRY, Stack
from agents.warehouse.client import Warehouse
from streams.catalogue import Catalogue
from streams.simulate.organisation import Organisation
from streams.simulate.scenario import Scenario, demo
from streams.simulate.timeline import timeline
from streams.simulate.truths import Truth

DRAIN_WITHIN_S = 30.0
NOTICE_WITHIN_S = 45.0
"""A planted drift must be noticed within this time; one that began later before the end of input is not asked for."""
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
        self._begin_s = 0.0

    def run(self) -> Report:
        """Play, compare, and return what was found."""
        stage = Stage(self._installation, self.tenant, self._organisation)
        stage.load_directory()
        stage.publish_targets(self._catalogue, self._writer)
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

    def _drain_and_compare(self, sender: Sender, stop_ms: int, truths: Sequence[Truth]) -> Report:
        report = Report(tenant=self.tenant, seconds=stop_ms / 1000 - self._begin_s)
        findings = Findings(self._stack, self._writer, self.tenant, self._organisation, self._catalogue)
        expected = [truth for truth in truths if truth.start_ms + NOTICE_WITHIN_S * 1000 <= stop_ms]
        deadline = time.monotonic() + DRAIN_WITHIN_S
        profile = self._stack.profile
        closed_ms = stop_ms + profile.window_ms + profile.grace_ms

        def is_draining() -> bool:
            left = findings.unfinished(closed_ms, expected)
            report.unfinished = [name for name in left if name != "alerts"]
            return bool(left) and time.monotonic() < deadline

        self._watch_while("draining", is_draining)
        self._show(self.frame("comparing"))
        findings.compare(report, sender.ledger, is_log_whole=not self._installation.broker_deaths)
        findings.judge_alerts(report, truths, expected)
        report.restarts = self._installation.restarts()
        last = self._watch.look()
        report.freshness_p50_s, report.freshness_p99_s = last.freshness_p50_s, last.freshness_p99_s
        return report


def _now_ms() -> int:
    return int(time.time() * 1000)
