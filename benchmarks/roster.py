"""Who takes part, with how many events, over which topic."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contest import Contestant

SLOW_EVENTS = 20_000
"""Events for contestants that take a tenth of a millisecond of processor time or more for each."""
MIDDLE_EVENTS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A contestant and how it takes part.

    Attributes:
        peer: Its environment's name; empty = xpulse's own.
        limit: It reads at most so many events; None = all.
        sink: "" = none, "worker" = settings of a worker, "loop" or "lean" = arguments of a plain client.
        in_quick: Part of the quick set, in which nobody may be missing.
        rounds: It runs in the first so many rounds; None = in all.
    """

    contestant: Contestant
    peer: str = ""
    limit: int | None = None
    sink: str = ""
    in_quick: bool = True
    rounds: int | None = None

    @property
    def name(self) -> str:
        return self.contestant.name


def _ours(name: str, *, has_totals: bool = True, in_file: bool = False, module: str = "") -> Contestant:
    return Contestant(
        name=name, module=f"benchmarks.contestants.{module or name}", has_totals=has_totals, in_file=in_file
    )


def _peer(name: str) -> Contestant:
    return Contestant(name=name, module=f"benchmarks.peers.{name}")


ENTRIES = (
    Entry(contestant=_ours("discard", has_totals=False)),
    Entry(contestant=_ours("confluent_loop")),
    Entry(contestant=_ours("xpulse_fold", in_file=True)),
    Entry(contestant=_ours("confluent_loop_sink", has_totals=False), sink="loop"),
    Entry(contestant=_ours("confluent_loop_sink_lean", has_totals=False, module="confluent_loop_sink"), sink="lean"),
    Entry(contestant=_ours("xpulse", has_totals=False), sink="worker"),
    Entry(contestant=_peer("arroyo"), peer="arroyo", limit=MIDDLE_EVENTS, rounds=2),
    Entry(contestant=_peer("quixstreams"), peer="quixstreams", limit=SLOW_EVENTS, rounds=1),
    Entry(contestant=_peer("faust_table"), limit=SLOW_EVENTS, rounds=1),
    Entry(contestant=_peer("faust_take"), limit=SLOW_EVENTS, in_quick=False, rounds=2),
    Entry(contestant=_peer("bytewax"), peer="bytewax", limit=MIDDLE_EVENTS, in_quick=False, rounds=2),
    Entry(contestant=_peer("pathway"), peer="pathway", limit=MIDDLE_EVENTS, in_quick=False, rounds=2),
)
"""In the order of their runs; confluent_loop is right before xpulse_fold, so both meet the same machine."""
