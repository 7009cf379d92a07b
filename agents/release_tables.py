"""The release in ClickHouse: which answers wait, what was marked, and writing blocks, members and marks.

A mark is the commit. Blocks and members may be there twice or without a mark; whoever reads takes the run of an
epoch's first mark and nothing else.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.release_books import ERASURES, Book, last_marks, marked_since, runs_of
from agents.warehouse.client import Warehouse
from streams.blocks import DIMENSIONS, Answer, Block, Rule
from streams.details import Details, details_of
from streams.erasures import Erased, subject_of
from streams.scores import Counts

RUNS = runs_of("release_marks")

ELIGIBLE = (
    "state = 'final' AND scale = '0-10' AND isNotNull(score) AND log_time <= fromUnixTimestamp64Milli({until:Int64})"
)

HIDDEN_PREFIX = "erased:"
"""Begins what `release_members` has in place of the id of an answer whose raw row is gone: a hash follows. Corrected or
read from the log once more, the answer would otherwise enter a second block."""

REACHED = "SELECT toUnixTimestamp64Milli(reached) FROM records_progress_total"

LAST_MARKS = last_marks("release_marks")

WAITING = f"""
SELECT tenant, response_id, toUnixTimestamp64Milli(log_time), person, assumeNotNull(score), lost_minutes, factors,
       {", ".join(DIMENSIONS)}
FROM feedback FINAL
WHERE {ELIGIBLE}
  AND (tenant, response_id) NOT IN (
      SELECT tenant, answer FROM release_members WHERE (tenant, epoch, run) IN ({RUNS})
  )
  AND (tenant, concat('{HIDDEN_PREFIX}', lower(hex(SHA256(concat(tenant, char(0), response_id)))))) NOT IN (
      SELECT tenant, answer FROM release_members WHERE startsWith(answer, '{HIDDEN_PREFIX}')
  )
ORDER BY log_time DESC
"""  # noqa: S608 - constants of this file

ACTIVE = f"""
SELECT f.tenant, groupUniqArray((toUnixTimestamp64Milli(f.log_time), f.person))
FROM feedback AS f FINAL
LEFT JOIN (SELECT tenant, max(epoch) AS last FROM release_marks GROUP BY tenant) AS m ON m.tenant = f.tenant
WHERE {ELIGIBLE} AND toUnixTimestamp64Milli(f.log_time) > toUnixTimestamp64Milli(m.last) - {{span:Int64}}
GROUP BY f.tenant
"""  # noqa: S608 - constants of this file
"""Log times and people from which something may still be due; for a tenant without marks, all."""

MARKED_SINCE = marked_since("release_marks")

BLOCK_COLUMNS = (
    "tenant", "epoch", "run", "block", "level", *DIMENSIONS, "n", "detractors", "neutrals", "promoters",
)  # fmt: skip
DETAIL_COLUMNS = (
    "tenant", "epoch", "run", "block", "people", "lost_people", "factor_people",
    "scores", "lost_bands", "lost_sums", "factors",
)  # fmt: skip
MEMBER_COLUMNS = ("tenant", "answer", "epoch", "run", "block")
MARK_COLUMNS = ("tenant", "epoch", "run", "blocks", "answers", "rule")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One epoch of one tenant, ready to be written.

    Attributes:
        epoch_ms: End of the epoch; ms since the epoch.
        told: What the members of each block tell, in the same order.
    """

    tenant: str
    epoch_ms: int
    run: str
    blocks: Sequence[Block]
    told: Sequence[Sequence[Details]]

    @property
    def is_quiet(self) -> bool:
        """Whether it publishes nothing."""
        return not self.blocks

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

    def books(self, until_ms: int, rule: Rule) -> dict[str, Book[Answer]]:
        """Return all tenants with answers that are held long enough at `until_ms`."""
        books: dict[str, Book[Answer]] = defaultdict(Book)
        for tenant, last_ms in self._warehouse.ask(LAST_MARKS):
            books[tenant].last_ms = last_ms
        for tenant, subject, log_ms in self._warehouse.ask(ERASURES, {"until": until_ms}):
            books[tenant].erasures.append(Erased(subject=subject, log_ms=log_ms))
        eligible = {"until": until_ms - rule.hold_ms}
        for tenant, answer, log_ms, person, score, lost, factors, *labels in self._warehouse.ask(WAITING, eligible):
            book = books[tenant]
            book.coming.append((log_ms, Answer(answer=answer, log_ms=log_ms, person=person, labels=tuple(labels))))
            book.told[answer] = details_of(score, lost, factors)
        span = {"span": rule.longest_wait_ms + 2 * rule.epoch_ms}
        for tenant, arrivals in self._warehouse.ask(ACTIVE, {**eligible, **span}):
            books[tenant].arrivals = list(arrivals)
            books[tenant].times = [log_ms for log_ms, _ in arrivals]
        return dict(books)

    def marked_since(self, epoch_ms: int) -> dict[tuple[str, int], str]:
        """Return (tenant, end of epoch) -> run of all epochs that end after `epoch_ms` and are marked."""
        return {(tenant, end): run for tenant, end, run in self._warehouse.ask(MARKED_SINCE, {"since": epoch_ms})}

    def write(self, releases: Sequence[Release]) -> None:
        """Write blocks, what they tell, and members: not published yet."""
        self.write_blocks(releases)
        self.write_details(releases)
        self.write_members(releases)

    def write_blocks(self, releases: Iterable[Release]) -> None:
        """Write the blocks."""
        rows = [
            (r.tenant, r.epoch_ms, r.run, b.block, b.level, *b.labels, c.n, c.detractors, c.neutrals, c.promoters)
            for r in releases
            for b, told in zip(r.blocks, r.told, strict=True)
            for c in [counts_of(total(told))]
        ]
        self._warehouse.insert_rows("release_blocks", BLOCK_COLUMNS, rows)

    def write_details(self, releases: Iterable[Release]) -> None:
        """Write what the members of each block tell, and who of them does; restricted."""
        rows = [
            (r.tenant, r.epoch_ms, r.run, b.block, *_people(b, told), *total(told).columns)
            for r in releases
            for b, told in zip(r.blocks, r.told, strict=True)
        ]
        self._warehouse.insert_rows("release_details", DETAIL_COLUMNS, rows)

    def write_members(self, releases: Iterable[Release]) -> None:
        """Write who is in which block; restricted."""
        rows = [(r.tenant, m.answer, r.epoch_ms, r.run, b.block) for r in releases for b in r.blocks for m in b.members]
        self._warehouse.insert_rows("release_members", MEMBER_COLUMNS, rows)

    def write_marks(self, releases: Iterable[Release], rule: str) -> None:
        """Publish: one insert, so all marks or none."""
        rows = [(r.tenant, r.epoch_ms, r.run, len(r.blocks), r.answers, rule) for r in releases]
        self._warehouse.insert_rows("release_marks", MARK_COLUMNS, rows)


def hidden_id(tenant: str, answer: str) -> str:
    """Return what `release_members` has in place of an answer's id once its raw row is gone."""
    return f"{HIDDEN_PREFIX}{subject_of(tenant, answer)}"


def total(told: Iterable[Details]) -> Details:
    """Return the sum of what some answers tell."""
    return sum(told, start=Details())


def counts_of(details: Details) -> Counts:
    """Return answers by category."""
    scores = details.scores
    return Counts(detractors=sum(scores[:7]), neutrals=sum(scores[7:9]), promoters=sum(scores[9:]))


def _people(block: Block, told: Sequence[Details]) -> tuple[list[str], list[str], list[str]]:
    """Return all members, those who told lost minutes, and those who named factors."""
    pairs = [(member.person, one) for member, one in zip(block.members, told, strict=True)]
    lost = [person for person, one in pairs if one.lost_n]
    return [person for person, _ in pairs], lost, [person for person, one in pairs if one.factors]
