"""The release in ClickHouse: which answers wait, what was marked, and writing blocks, members and marks.

A mark is the commit. Blocks and members may be there twice or without a mark; whoever reads takes the run of an
epoch's first mark and nothing else.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agents.warehouse.client import Warehouse
from streams.blocks import DIMENSIONS, Answer, Block, Rule
from streams.scores import Counts

RUNS = "SELECT tenant, epoch, argMin(run, (marked_at, run)) AS run FROM release_marks GROUP BY tenant, epoch"
"""The run that counts, per tenant and epoch."""

ELIGIBLE = (
    "state = 'final' AND scale = '0-10' AND isNotNull(score) AND log_time <= fromUnixTimestamp64Milli({until:Int64})"
)

REACHED = "SELECT toUnixTimestamp64Milli(reached) FROM records_progress_total"

LAST_MARKS = "SELECT tenant, toUnixTimestamp64Milli(max(epoch)) FROM release_marks GROUP BY tenant"

WAITING = f"""
SELECT tenant, response_id, toUnixTimestamp64Milli(log_time), person, assumeNotNull(score), {", ".join(DIMENSIONS)}
FROM feedback FINAL
WHERE {ELIGIBLE}
  AND (tenant, response_id) NOT IN (
      SELECT tenant, answer FROM release_members WHERE (tenant, epoch, run) IN ({RUNS})
  )
ORDER BY log_time DESC
"""  # noqa: S608 - constants of this file

ACTIVE = f"""
SELECT f.tenant, groupUniqArray(toUnixTimestamp64Milli(f.log_time))
FROM feedback AS f FINAL
LEFT JOIN (SELECT tenant, max(epoch) AS last FROM release_marks GROUP BY tenant) AS m ON m.tenant = f.tenant
WHERE {ELIGIBLE} AND toUnixTimestamp64Milli(f.log_time) > toUnixTimestamp64Milli(m.last) - {{span:Int64}}
GROUP BY f.tenant
"""  # noqa: S608 - constants of this file
"""Log times from which something may still be due; for a tenant without marks, all."""

MARKED_SINCE = f"""
SELECT tenant, toUnixTimestamp64Milli(epoch), run FROM ({RUNS})
WHERE epoch > fromUnixTimestamp64Milli({{since:Int64}})
"""  # noqa: S608 - constants of this file

BLOCK_COLUMNS = (
    "tenant", "epoch", "run", "block", "level", *DIMENSIONS, "n", "detractors", "neutrals", "promoters",
)  # fmt: skip
MEMBER_COLUMNS = ("tenant", "answer", "epoch", "run", "block")
MARK_COLUMNS = ("tenant", "epoch", "run", "blocks", "answers", "rule")


@dataclass(slots=True, kw_only=True)
class Book:
    """What is known of one tenant before its next epochs are folded.

    Attributes:
        last_ms: End of the last marked epoch; 0 if there is none.
        coming: Eligible answers in no marked block, latest first: taken from the end as they become due.
        waiting: Those of them that were due in the epochs folded so far and found no block.
        scores: Answer -> score, of all of them.
        log_times: Log times of eligible answers, released or not, as far back as any level waits.
    """

    last_ms: int = 0
    coming: list[Answer] = field(default_factory=list)
    waiting: list[Answer] = field(default_factory=list)
    scores: dict[str, int] = field(default_factory=dict)
    log_times: list[int] = field(default_factory=list)

    def due(self, until_ms: int) -> list[Answer]:
        """Return what waits with a log time of `until_ms` or before."""
        while self.coming and self.coming[-1].log_ms <= until_ms:
            self.waiting.append(self.coming.pop())
        return self.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One epoch of one tenant, ready to be written.

    Attributes:
        epoch_ms: End of the epoch; ms since the epoch.
        counts: Of each block, in the same order.
    """

    tenant: str
    epoch_ms: int
    run: str
    blocks: Sequence[Block]
    counts: Sequence[Counts]

    @property
    def answers(self) -> int:
        """How many answers it releases."""
        return sum(len(block.members) for block in self.blocks)


class ReleaseTables:
    """Reads what the release needs and writes what it says; every write may be repeated."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def reached_ms(self) -> int | None:
        """Return up to when all records are stored; ms since the epoch, None if not known yet.

        Raises:
            WarehouseError: No answer; so for all methods.
        """
        rows = self._warehouse.ask(REACHED)
        return int(rows[0][0]) if rows else None

    def books(self, until_ms: int, rule: Rule) -> dict[str, Book]:
        """Return all tenants with answers that are held long enough at `until_ms`."""
        books: dict[str, Book] = defaultdict(Book)
        for tenant, last_ms in self._warehouse.ask(LAST_MARKS):
            books[tenant].last_ms = last_ms
        eligible = {"until": until_ms - rule.hold_ms}
        for tenant, answer, log_ms, person, score, *labels in self._warehouse.ask(WAITING, eligible):
            book = books[tenant]
            book.coming.append(Answer(answer=answer, log_ms=log_ms, person=person, labels=tuple(labels)))
            book.scores[answer] = score
        span = {"span": rule.longest_wait_ms + 2 * rule.epoch_ms}
        for tenant, log_times in self._warehouse.ask(ACTIVE, {**eligible, **span}):
            books[tenant].log_times = list(log_times)
        return dict(books)

    def marked_since(self, epoch_ms: int) -> dict[tuple[str, int], str]:
        """Return (tenant, end of epoch) -> run of all epochs that end after `epoch_ms` and are marked."""
        return {(tenant, end): run for tenant, end, run in self._warehouse.ask(MARKED_SINCE, {"since": epoch_ms})}

    def write_blocks(self, releases: Iterable[Release]) -> None:
        """Write the blocks, not published yet."""
        rows = [
            (r.tenant, r.epoch_ms, r.run, b.block, b.level, *b.labels, c.n, c.detractors, c.neutrals, c.promoters)
            for r in releases
            for b, c in zip(r.blocks, r.counts, strict=True)
        ]
        self._warehouse.insert_rows("release_blocks", BLOCK_COLUMNS, rows)

    def write_members(self, releases: Iterable[Release]) -> None:
        """Write who is in which block; restricted."""
        rows = [(r.tenant, m.answer, r.epoch_ms, r.run, b.block) for r in releases for b in r.blocks for m in b.members]
        self._warehouse.insert_rows("release_members", MEMBER_COLUMNS, rows)

    def write_marks(self, releases: Iterable[Release], rule: str) -> None:
        """Publish: one insert, so all marks or none."""
        rows = [(r.tenant, r.epoch_ms, r.run, len(r.blocks), r.answers, rule) for r in releases]
        self._warehouse.insert_rows("release_marks", MARK_COLUMNS, rows)


def tally(block: Block, scores: Mapping[str, int]) -> Counts:
    """Return a block's answers by category."""
    values = [scores[member.answer] for member in block.members]
    promoters = sum(value >= 9 for value in values)
    detractors = sum(value <= 6 for value in values)
    return Counts(detractors=detractors, neutrals=len(values) - promoters - detractors, promoters=promoters)
