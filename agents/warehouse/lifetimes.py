"""How long each table is kept: one line per table, and nothing about it is said anywhere else.

`docs/retention.md` shows this table, the sealer and the expirer obey it, and a test holds that no table is missing.
Lives are counted in the time of the log, so a worker that lags behind loses nothing that it has not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from streams.profile import DAY_MS, HOUR_MS

Ends = Literal["expirer", "sealer", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """Of one table.

    Attributes:
        table: Name in the restricted database.
        ends: Who takes rows out.
        keep_ms: Age at which a row goes; ms, 0 = never, or only when it is not needed any more.
        since: Column from which the age is counted; empty = a period or day of the rows.
        when: What else must hold before a row goes, in words; empty = nothing.
        holds: What of people is in it, in words; empty = nothing of anybody.
    """

    table: str
    ends: Ends = "never"
    keep_ms: int = 0
    since: str = ""
    when: str = ""
    holds: str = ""


RAW_MS = 90 * DAY_MS
"""Raw answers: as long as anybody may want to correct one, and longer than any answer waits for company."""
LEDGER_MS = RAW_MS + 30 * DAY_MS
"""Who is in which block: a month longer than the answers, and never less than they."""
BUNDLED_MS = 7 * DAY_MS
"""What the members of a block told, once it is in a bundle: a day longer than the longest wait of a bundle."""
YEAR_MS = 400 * DAY_MS

_ALL = (
    Lifetime(
        table="feedback", ends="expirer", keep_ms=RAW_MS, since="log_time",
        holds="pseudonym, answer, ids of answer, ticket and comment",
    ),
    Lifetime(table="invitations", ends="expirer", keep_ms=RAW_MS, since="log_time", holds="pseudonym"),
    Lifetime(
        table="invitation_times", ends="expirer", keep_ms=RAW_MS, since="log_time", when="the invitation has gone",
        holds="pseudonym",
    ),
    Lifetime(table="tickets", ends="expirer", keep_ms=YEAR_MS, since="log_time", holds="pseudonym"),
    Lifetime(table="quarantine", ends="expirer", keep_ms=30 * DAY_MS, since="recorded_at", holds="whatever was sent"),
    Lifetime(table="erasures", ends="expirer", keep_ms=YEAR_MS, since="log_time", holds="hash of a pseudonym"),
    Lifetime(
        table="release_members", ends="expirer", keep_ms=LEDGER_MS, since="epoch",
        when="the answer has gone; a hash of its id stays, so that it cannot enter a second block",
        holds="id of the answer",
    ),
    Lifetime(
        table="release_details", ends="expirer", keep_ms=BUNDLED_MS, since="epoch",
        when=f"its block is in a bundle or withdrawn; after {RAW_MS // DAY_MS} days in any case",
        holds="pseudonyms of a block's members, sums of what they told",
    ),
    Lifetime(table="tiles", ends="sealer", keep_ms=15 * DAY_MS, when="its day is sealed", holds="hashes of devices"),
    Lifetime(table="sealed_60s", ends="sealer", keep_ms=48 * HOUR_MS, holds="hashes of devices"),
    Lifetime(table="sealed_15m", ends="sealer", keep_ms=90 * DAY_MS, holds="hashes of devices"),
    Lifetime(table="sealed_1d", holds="hashes of devices"),
    Lifetime(table="actions", holds="names of operators"),
    Lifetime(table="targets", holds="names of authors"),
    *(
        Lifetime(table=table)
        for table in (
            "alerts", "changes", "deliveries", "migrations", "profile", "records_progress", "release_blocks",
            "release_bundle_marks", "release_bundled", "release_bundles", "release_cohorts", "release_marks",
            "release_withdrawn", "seals", "telemetry_manifest", "tile_audit", "tiles_expired", "verdicts",
        )
    ),
)  # fmt: skip
LIFETIMES: Mapping[str, Lifetime] = {one.table: one for one in _ALL}


def keep_ms(table: str) -> int:
    """Return the age at which a table's rows go; ms."""
    return LIFETIMES[table].keep_ms


def as_table() -> str:
    """Return all lifetimes as a table in Markdown: those with people in them first."""
    rows = sorted(LIFETIMES.values(), key=lambda one: (not one.holds, not one.keep_ms, one.keep_ms, one.table))
    lines = ["| Table | Kept | From people it holds |", "|---|---|---|"]
    lines += [f"| `{one.table}` | {_kept(one)} | {one.holds or '–'} |" for one in rows]
    return "\n".join(lines)


def _kept(one: Lifetime) -> str:
    if not one.keep_ms:
        return "for ever"
    days, hours = divmod(one.keep_ms, DAY_MS)
    length = f"{days} days" if not hours and days > 2 else f"{one.keep_ms // HOUR_MS} hours"
    return f"{length}, {one.when}" if one.when else length
