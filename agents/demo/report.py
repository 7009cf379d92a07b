"""What a demo found out, as JSON for machines and as text for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from agents.demo.check import Comparison, LostRange

Exit = Literal["ok", "wrong", "missed", "false_alert", "loss"]
STATUS: dict[Exit, int] = {"ok": 0, "wrong": 1, "missed": 1, "false_alert": 1, "loss": 3}
"""Exit status of the command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An alert of the demo's tenant.

    Attributes:
        planted: It belongs to a planted truth.
        delay_s: From the planted start until the alert was written; None where nothing was planted.
    """

    target: str
    state: str
    planted: bool
    delay_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of the records of the telemetry topic, over all its incarnations during the demo."""

    produced: int = 0
    folded: int = 0
    invalid: int = 0
    duplicate: int = 0
    late: int = 0


@dataclass(slots=True, kw_only=True)
class Report:
    """Everything that the demo measured and compared."""

    tenant: str
    seconds: float
    events: Counts = field(default_factory=Counts)
    senders: Comparison = field(default_factory=Comparison)
    topic: Comparison = field(default_factory=Comparison)
    audits: Comparison = field(default_factory=Comparison)
    feedback: Comparison = field(default_factory=Comparison)
    real_events: int = 0
    real_metrics: int = 0
    alerts: list[Raised] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    freshness_p50_s: float | None = None
    freshness_p99_s: float | None = None
    restarts: dict[str, int] = field(default_factory=dict)
    lost: list[LostRange] = field(default_factory=list)
    unknown: int = 0
    refused: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Differences of any kind between the warehouse and the truth."""
        return self.senders.wrong + self.topic.wrong + self.audits.wrong + self.feedback.wrong

    @property
    def exit(self) -> Exit:
        """The one word that sums it up; a lost log is told before anything that follows from it."""
        if self.restarts.get("broker", 0):
            return "loss" if not self.wrong else "wrong"
        if self.wrong or self.refused or self.unfinished:
            return "wrong"
        if self.missed:
            return "missed"
        return "false_alert" if any(not alert.planted for alert in self.alerts) else "ok"

    def document(self) -> dict[str, Any]:
        """Return the report as the JSON document that `--report` writes."""
        parts = (self.senders, self.topic)
        return {
            "tenant": self.tenant,
            "seconds": round(self.seconds, 1),
            "events": asdict(self.events),
            "windows": {
                "expected": self.topic.expected,
                "exact": self.topic.exact,
                "wrong": sum(part.wrong for part in parts),
                "undetermined": sum(part.undetermined for part in parts),
                "by_senders": {
                    "expected": self.senders.expected,
                    "exact": self.senders.exact,
                    "wrong": self.senders.wrong,
                },
            },
            "audits": {"expected": self.audits.expected, "exact": self.audits.exact, "wrong": self.audits.wrong},
            "feedback": {
                "expected": self.feedback.expected,
                "exact": self.feedback.exact,
                "wrong": self.feedback.wrong,
            },
            "real_input": {"events": self.real_events, "metrics": self.real_metrics},
            "alerts": [asdict(alert) for alert in self.alerts],
            "missed": self.missed,
            "freshness_s": {"p50": self.freshness_p50_s, "p99": self.freshness_p99_s},
            "restarts": self.restarts,
            "loss": {
                "ranges": [{**asdict(lost), "incarnation": str(lost.incarnation)} for lost in self.lost],
                "unknown_events": self.unknown,
            },
            "refused": self.refused,
            "unfinished": self.unfinished,
            "examples": [*self.senders.examples, *self.topic.examples, *self.audits.examples, *self.feedback.examples],
            "exit": self.exit,
        }
