"""The real rule over made-up answers: epochs folded one after the other, and all that a reader obtains from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import orjson

from streams.blocks import DIMENSIONS, Answer, Block, Rule, active_epochs, block_key, release, rule_of, run_id
from streams.bundles import Bundle, BundleRule, Piece, bundle_key, bundle_rule_of, bundle_up
from streams.details import Details
from streams.events.judging import Target
from streams.judging.rounds import Case, Papers, rule_family
from streams.judging.sheets import Epoch, ReleasedBlock
from streams.judging.verdicts import Ruler
from streams.profile import STANDARD
from streams.scores import Counts
from tests.attack.figures import Published
from tests.attack.inviting import Invitations, rates
from tests.attack.traffic import START_MS, TENANT, Traffic

SECRET = b"the secret of an installation that is not there"
KEY, BUNDLE_KEY = block_key(SECRET), bundle_key(SECRET)
RULE, BUNDLE_RULE = rule_of(STANDARD), bundle_rule_of(STANDARD)
RULER = Ruler(unit_ms=RULE.epoch_ms, per_observation=RULE.k)
PLACES = tuple(DIMENSIONS.index(name) for name in ("country", "service", "channel"))


@dataclass(frozen=True, slots=True)
class Released:
    """A block or bundle, with the end of the epoch in which it was published; ms since the epoch."""

    epoch_ms: int
    one: Block


@dataclass(frozen=True, slots=True)
class Bundled:
    """A bundle with the end of the epoch in which it was published; ms since the epoch."""

    epoch_ms: int
    one: Bundle


def arrivals(answers: Sequence[Answer], rule: Rule, until_ms: int | None = None) -> Iterator[tuple[int, list[Answer]]]:
    """Yield the epochs in which something may be due, and which answers are new in them.

    Args:
        answers: In the order of their log times.
        rule: Epoch, hold and waits.
        until_ms: Epochs that end later are not complete; None = all.
    """
    last_ms = answers[-1].log_ms + rule.longest_wait_ms + 2 * rule.epoch_ms if until_ms is None else until_ms
    coming = 0
    for end_ms in active_epochs([one.log_ms for one in answers], after_ms=0, until_ms=last_ms, rule=rule):
        begin = coming
        while coming < len(answers) and answers[coming].log_ms <= end_ms - rule.hold_ms:
            coming += 1
        yield end_ms, list(answers[begin:coming])


def released(answers: Sequence[Answer], *, rule: Rule = RULE, until_ms: int | None = None) -> list[Released]:
    """Return the blocks of all epochs; arguments as in `arrivals`."""
    waiting: list[Answer] = []
    found: list[Released] = []
    for end_ms, new in arrivals(answers, rule, until_ms):
        blocks, waiting = release(TENANT, [*waiting, *new], epoch_end_ms=end_ms, rule=rule, key=KEY)
        found += [Released(end_ms, block) for block in blocks]
    return found


def pieces(blocks: Sequence[Released], told: Mapping[str, Details]) -> list[Piece]:
    """Return the blocks as the rule of bundles sees them."""
    return [
        Piece(
            block=row.one.block,
            epoch_ms=row.epoch_ms,
            labels=row.one.labels,
            people=frozenset(member.person for member in row.one.members),
            givers={
                "lost": frozenset(m.person for m in row.one.members if told[m.answer].lost_n),
                "factors": frozenset(m.person for m in row.one.members if told[m.answer].factors),
            },
        )
        for row in blocks
    ]


def bundled(some: Sequence[Piece], *, rule: BundleRule = BUNDLE_RULE, until_ms: int | None = None) -> list[Bundled]:
    """Return the bundles of all epochs up to one."""
    if not some:
        return []
    grid = rule.grid
    last_ms = some[-1].epoch_ms + grid.longest_wait_ms + 2 * grid.epoch_ms if until_ms is None else until_ms
    waiting: list[Piece] = []
    found: list[Bundled] = []
    coming = 0
    for end_ms in active_epochs([one.epoch_ms for one in some], after_ms=0, until_ms=last_ms, rule=grid):
        while coming < len(some) and some[coming].epoch_ms <= end_ms:
            waiting.append(some[coming])
            coming += 1
        bundles, waiting = bundle_up(TENANT, waiting, epoch_end_ms=end_ms, rule=rule, key=BUNDLE_KEY)
        found += [Bundled(end_ms, bundle) for bundle in bundles]
    return found


def block_rows(blocks: Sequence[Released]) -> list[Published]:
    """Return the blocks as rows with their members' numbers."""
    return [_row(row.epoch_ms, row.one.labels, [member.answer for member in row.one.members]) for row in blocks]


def bundle_rows(bundles: Sequence[Bundled], blocks: Sequence[Released]) -> list[Published]:
    """Return the bundles as rows with their members' numbers."""
    members = {row.one.block: [member.answer for member in row.one.members] for row in blocks}
    return [
        _row(row.epoch_ms, row.one.labels, [answer for piece in row.one.pieces for answer in members[piece.block]])
        for row in bundles
    ]


def _row(epoch_ms: int, labels: Sequence[str], answers: Sequence[str]) -> Published:
    country, service, channel = (labels[place] for place in PLACES)
    return Published(epoch_ms, (country, service, channel), tuple(int(answer[1:]) for answer in answers))


def everything(traffic: Traffic, invitations: Invitations | None = None, *, until_ms: int | None = None) -> bytes:
    """Return all that a reader obtains up to an instant: blocks, bundles, response rates, verdicts and alerts."""
    answers = traffic.answers()
    told = dict(zip((one.answer for one in answers), traffic.told(), strict=True))
    blocks = released(answers, until_ms=until_ms)
    bundles = bundled(pieces(blocks, told), until_ms=until_ms)
    counts = [(row, counts_of(row.one, told)) for row in blocks]
    lines: list[object] = [
        ("block", row.epoch_ms, row.one.block, row.one.level, row.one.labels, c.detractors, c.neutrals, c.promoters)
        for row, c in counts
    ]
    by_epoch = grouped(blocks)
    lines += [("run", end_ms, run_id(TENANT, end_ms, some, KEY)) for end_ms, some in by_epoch.items()]
    members = {row.one.block: row.one.members for row in blocks}
    for bundle in bundles:
        whole = sum((told[m.answer] for piece in bundle.one.pieces for m in members[piece.block]), start=Details())
        shown = whole.without(lost="lost" in bundle.one.withheld, factors="factors" in bundle.one.withheld)
        lines.append(("bundle", bundle.epoch_ms, bundle.one.bundle, bundle.one.labels, shown.columns))
    lines += [] if invitations is None else rates(invitations, until_ms=until_ms)
    lines += judged(sheets(counts), RULER)
    return b"\n".join(orjson.dumps(line, option=orjson.OPT_SORT_KEYS) for line in lines)


def grouped(blocks: Sequence[Released]) -> dict[int, list[Block]]:
    """Return the blocks by the end of their epoch."""
    found: dict[int, list[Block]] = defaultdict(list)
    for row in blocks:
        found[row.epoch_ms].append(row.one)
    return found


def counts_of(block: Block, told: Mapping[str, Details]) -> Counts:
    """Return a block's answers by category."""
    scores = sum((told[member.answer] for member in block.members), start=Details()).scores
    return Counts(detractors=sum(scores[:7]), neutrals=sum(scores[7:9]), promoters=sum(scores[9:]))


def sheets(counts: Sequence[tuple[Released, Counts]]) -> list[Epoch]:
    """Return what judges see: blocks by epoch, in the order of their ids."""
    found: dict[int, list[tuple[str, ReleasedBlock]]] = defaultdict(list)
    for row, some in counts:
        labels = dict(zip(DIMENSIONS, row.one.labels, strict=True))
        found[row.epoch_ms].append((row.one.block, ReleasedBlock(labels, some)))
    return [Epoch(end_ms, [one for _, one in sorted(rows, key=lambda r: r[0])]) for end_ms, rows in found.items()]


def judged(epochs: Sequence[Epoch], ruler: Ruler) -> list[object]:
    """Return verdicts and alerts of a few targets."""
    targets = [_target(slice_) for slice_ in ({}, {"country": "c00"}, {"country": "c00", "service": "s00"})]
    cases = {one.target: Case(versions=[one], state=None) for one in targets}
    rulings = rule_family(cases, Papers(sheets=epochs), ruler)
    found: list[object] = []
    for name in sorted(rulings):
        found += [("verdict", msgspec.to_builtins(entry.verdict)) for entry in rulings[name].entries]
        found += [("alert", msgspec.to_builtins(alert)) for alert in rulings[name].alerts]
    return found


def _target(slice_: dict[str, str]) -> Target:
    return Target(
        tenant=TENANT,
        target="happy/" + "-".join(slice_.values()),
        version=1,
        state="active",
        valid_from_ms=START_MS,
        recorded_at_ms=START_MS,
        author="test",
        reason="first",
        purpose="People should like what they get.",
        owner="desk",
        indicator="happiness",
        metric="",
        slice=slice_,
        objective=50.0,
        period="month",
        window_s=7 * 86_400,
        min_respondents=30,
        run_length=3_650.0,
        recovery_length=900.0,
        severity="warning",
        runbook="docs/runbooks/happiness-drift.md",
    )
