"""What a run found, and whether that will do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.judgement import Judgement
from tests.chaos.watch import Seen


@dataclass(slots=True, kw_only=True)
class Report:
    """Everything about one run.

    Attributes:
        plan: Classes in the order in which they began.
        hits: Class -> how often it really hit.
        recovered_s: From the end of the last fault until everything was stored; None if it never was.
        surprises: Parts that ended by themselves, as a watchdog may decide.
        crashes: Those among them that must not.
        stale: How often an older version of a tile was written after a newer one.
        gates: What the gates did to inserts.
        failures: Flushes that failed.
        problems: What the run itself could not do.
    """

    seed: int
    events: int
    plan: list[str]
    hits: Counter[str] = field(default_factory=Counter)
    judgement: Judgement = field(default_factory=Judgement)
    seen: Seen = field(default_factory=Seen)
    recovered_s: float | None = None
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    stale: int = 0
    gates: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    problems: list[str] = field(default_factory=list)

    def complaints(self) -> list[str]:
        """Return why the run failed; empty if it did not."""
        missed = [f"{name} was asked for and never hit" for name in sorted(set(self.plan) - set(self.hits))]
        return missed + self.problems + self.wrong()

    def wrong(self) -> list[str]:
        """Return what the product did wrong; empty if nothing."""
        found = list(self.crashes)
        if self.recovered_s is None:
            found.append("not everything was stored in time")
        if not self.seen.samples:
            found.append("no commit was seen")
        found += self.seen.violations[:5]
        return found + self.judgement.complaints()

    @property
    def is_good(self) -> bool:
        """Whether every window is right and every requested class of fault hit."""
        return not self.complaints()

    def lines(self) -> list[str]:
        """Return the report for people."""
        hits = ", ".join(f"{name} {self.hits[name]}/{self.plan.count(name)}" for name in sorted(set(self.plan)))
        compared = ", ".join(
            f"{found.expected} {name} ({found.wrong} wrong)" for name, found in self.judgement.comparisons.items()
        )
        recovered = "never" if self.recovered_s is None else f"{self.recovered_s:.1f} s after the last fault"
        lines = [
            f"seed      {self.seed}",
            f"hits      {hits}",
            f"input     {self.events} records; telemetry: {_counts(self.judgement.counts)}",
            f"inserts   {_counts(self.gates)}; {self.failures} flushes failed",
            f"stale     {self.stale} older versions of tiles came after newer ones",
            f"commits   {self.seen.samples} checked, {len(self.seen.violations)} broke their promise",
            f"compared  {compared}; {self.judgement.sealed} periods were sealed",
            f"recovered {recovered}; the run took {self.seconds:.0f} s",
        ]
        lines += [f"surprise  {words}" for words in self.surprises]
        lines += [f"WRONG     {words}" for words in self.complaints()]
        lines += [
            f"example   {name}: {example}"[:900]
            for name, found in self.judgement.comparisons.items()
            for example in found.examples[:2]
        ]
        return lines

    def as_json(self) -> dict[str, Any]:
        """Return the figures for machines."""
        return {
            "seed": self.seed, "events": self.events, "plan": self.plan, "hits": dict(self.hits), "good": self.is_good,
            "complaints": self.complaints(), "recovered_s": self.recovered_s, "seconds": round(self.seconds, 1),
            "commits": self.seen.samples, "stale": self.stale, "gates": dict(self.gates), "failures": self.failures,
            "surprises": self.surprises, "counts": self.judgement.counts,
            "compared": {name: [c.expected, c.wrong] for name, c in self.judgement.comparisons.items()},
        }  # fmt: skip


def _counts(counts: Any) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
