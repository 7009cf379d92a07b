"""The rule of bundles against a naive reading of it, and the properties that privacy rests on."""

import inspect
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.blocks import DIMENSIONS, MIXED, Rule, active_epochs
from streams.bundles import (
    Bundle,
    BundleRule,
    Detail,
    Piece,
    bundle_key,
    bundle_rule_of,
    bundle_run_id,
    bundle_up,
    givers_of,
)
from streams.errors import ConfigError
from streams.profile import DAY_MS, DEMO, STANDARD, Level

KEY = b"0123456789abcdef"
EPOCH_MS = 10
LEVELS = (
    Level(wait_ms=0, keep=(("country", "service", "channel"),)),
    Level(wait_ms=30, keep=(("country", "service"), ("service", "channel"))),
    Level(wait_ms=60, keep=(("country",),)),
    Level(wait_ms=90, keep=((),)),
)
some_examples = settings(max_examples=40)
LAST_MS = 200 + 90 + 3 * EPOCH_MS


def rule(people: int = 8, k: int = 3) -> BundleRule:
    return BundleRule(people=people, grid=Rule(k=k, epoch_ms=EPOCH_MS, hold_ms=0, levels=LEVELS))


def piece(
    number: int, people: Sequence[int], *, lost: int = 3, factors: int = 0, epoch_ms: int = 0, service: str = "mail"
) -> Piece:
    names = [f"p{one}" for one in people]
    givers: dict[Detail, frozenset[str]] = {"lost": frozenset(names[:lost]), "factors": frozenset(names[:factors])}
    labels = ("NO", "", "", service, "chat", "", "")
    return Piece(block=f"b{number}", epoch_ms=epoch_ms, labels=labels, people=frozenset(names), givers=givers)


@st.composite
def pieces(draw: st.DrawFn) -> list[Piece]:
    random = draw(st.randoms(use_true_random=False))
    crowd, told = draw(st.integers(3, 60)), draw(st.sampled_from([0, 1, 3, 5]))
    found = []
    for number in range(draw(st.integers(0, 30))):
        people = random.sample(range(crowd), min(crowd, random.randrange(3, 7)))
        some = piece(number, people, lost=random.randrange(told + 1), factors=random.randrange(3))
        labels = (
            random.choice(["NO", "SE", MIXED]), random.choice(["Oslo", ""]), "", random.choice(["mail", MIXED]),
            random.choice(["phone", "chat"]), "", "",
        )  # fmt: skip
        found.append(replace(some, epoch_ms=random.randrange(1, 20) * EPOCH_MS, labels=labels))
    return found


rules = st.builds(rule, people=st.integers(5, 12), k=st.integers(3, 5))


def fold(rows: Sequence[Piece], rule: BundleRule) -> tuple[list[tuple[int, Bundle]], list[Piece]]:
    """All epochs that matter, one after the other, as the release agent does it."""
    published: list[tuple[int, Bundle]] = []
    waiting: list[Piece] = []
    for end in range(EPOCH_MS, LAST_MS, EPOCH_MS):
        waiting += [row for row in rows if row.epoch_ms == end]
        bundles, waiting = bundle_up("t", waiting, epoch_end_ms=end, rule=rule, key=KEY)
        published += [(end, bundle) for bundle in bundles]
    return published, waiting


def naive_fold(rows: Sequence[Piece], rule: BundleRule) -> tuple[list[tuple[int, int, set[str]]], set[str]]:
    """The rule as its words have it, with no regard for speed."""
    out: list[tuple[int, int, set[str]]] = []
    pending: list[Piece] = []
    for end in range(EPOCH_MS, LAST_MS, EPOCH_MS):
        pending = sorted([*pending, *(row for row in rows if row.epoch_ms == end)], key=lambda x: (x.epoch_ms, x.block))
        for number, level in enumerate(LEVELS):
            turn = (end // EPOCH_MS) % len(level.keep)
            for keep in level.keep[turn:] + level.keep[:turn]:
                places = [DIMENSIONS.index(name) for name in keep]
                for node in sorted({tuple(x.labels[place] for place in places) for x in pending}):
                    while True:
                        items = [x for x in pending if tuple(x.labels[place] for place in places) == node]
                        take = naive_take(items, end, number, rule)
                        if not take:
                            break
                        out.append((end, number, {x.block for x in take}))
                        pending = [x for x in pending if x not in take]
    return out, {x.block for x in pending}


def naive_take(items: list[Piece], end: int, number: int, rule: BundleRule) -> list[Piece]:
    wait = LEVELS[number].wait_ms
    old = [x for x in items if not wait or x.epoch_ms + wait < end]
    if not old:
        return []
    firsts = [items[:n] for n in range(1, len(items) + 1)]
    many = [some for some in firsts if len({p for x in some for p in x.people}) >= rule.people]
    good = [some for some in many if len(givers_of(some, "lost")) not in range(1, rule.grid.k)]
    if not good and number == len(LEVELS) - 1:
        good = many
    of_the_old = [some for some in good if len(some) <= len(old)]
    return of_the_old[-1] if of_the_old else good[0] if good else []


@some_examples
@given(pieces(), rules)
def test_equals_the_naive_reading(rows: list[Piece], rule: BundleRule) -> None:
    published, waiting = fold(rows, rule)
    seen = [(end, b.level, {x.block for x in b.pieces}) for end, b in published]
    assert (seen, {x.block for x in waiting}) == naive_fold(rows, rule)


@some_examples
@given(pieces(), rules)
def test_each_block_waits_or_is_whole_in_exactly_one_bundle(rows: list[Piece], rule: BundleRule) -> None:
    published, waiting = fold(rows, rule)
    bundled = [one for _, bundle in published for one in bundle.pieces]
    assert sorted([*bundled, *waiting], key=lambda x: x.block) == sorted(rows, key=lambda x: x.block)


@some_examples
@given(pieces(), rules)
def test_each_bundle_has_enough_people_and_each_detail_that_is_told_enough_givers(
    rows: list[Piece], rule: BundleRule
) -> None:
    for _, bundle in fold(rows, rule)[0]:
        assert len({person for one in bundle.pieces for person in one.people}) >= rule.people
        details: tuple[Detail, ...] = ("lost", "factors")
        for detail in details:
            givers = len(givers_of(bundle.pieces, detail))
            assert (detail in bundle.withheld) == (0 < givers < rule.grid.k)
        assert "lost" not in bundle.withheld or bundle.level == len(LEVELS) - 1


@some_examples
@given(pieces(), rules, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(rows: list[Piece], rule: BundleRule, random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled, rule) == fold(rows, rule)


@some_examples
@given(pieces(), rules)
def test_nothing_waits_for_ever_that_could_be_bundled(rows: list[Piece], rule: BundleRule) -> None:
    _, waiting = fold(rows, rule)
    assert len({person for one in waiting for person in one.people}) < rule.people


@some_examples
@given(pieces(), rules, st.integers(0, 300), st.integers(0, 400))
def test_skipped_epochs_bundle_nothing(rows: list[Piece], rule: BundleRule, cut_ms: int, until_ms: int) -> None:
    """Folding the active epochs only, in two runs, gives exactly what folding all epochs gives."""
    published: list[tuple[int, Bundle]] = []
    waiting, after_ms = list(rows), 0
    for stop_ms in (min(cut_ms, until_ms), until_ms):
        times = [row.epoch_ms for row in rows]
        for end in active_epochs(times, after_ms=after_ms, until_ms=stop_ms, rule=rule.grid):
            due = [row for row in waiting if row.epoch_ms <= end]
            bundles, _ = bundle_up("t", due, epoch_end_ms=end, rule=rule, key=KEY)
            published += [(end, bundle) for bundle in bundles]
            taken = {one.block for bundle in bundles for one in bundle.pieces}
            waiting = [row for row in waiting if row.block not in taken]
            after_ms = end
    assert published == [found for found in fold(rows, rule)[0] if found[0] <= until_ms]


def test_what_people_said_is_not_an_argument() -> None:
    known = {*inspect.signature(bundle_up).parameters, *Piece.__dataclass_fields__}
    assert known == {
        "tenant", "waiting", "epoch_end_ms", "rule", "key", "block", "epoch_ms", "labels", "people", "givers",
    }  # fmt: skip


def test_a_person_counts_once_however_many_blocks_of_a_bundle_it_is_in() -> None:
    rows = [piece(1, range(5), epoch_ms=10), piece(2, range(5), epoch_ms=10)]
    bundles, rest = bundle_up("t", rows, epoch_end_ms=10, rule=rule(), key=KEY)
    assert (bundles, len(rest)) == ([], 2)


def test_a_few_who_tell_lost_minutes_wait_for_more_of_them() -> None:
    few = [piece(1, range(8), lost=2)]
    assert bundle_up("t", few, epoch_end_ms=10, rule=rule(), key=KEY)[0] == []
    more = [*few, piece(2, range(20, 25), lost=1)]
    [bundle] = bundle_up("t", more, epoch_end_ms=10, rule=rule(), key=KEY)[0]
    assert [one.block for one in bundle.pieces] == ["b1", "b2"]
    nobody = [piece(1, range(8), lost=0)]
    [bundle] = bundle_up("t", nobody, epoch_end_ms=10, rule=rule(), key=KEY)[0]
    assert bundle.withheld == frozenset()


def test_old_blocks_are_filled_with_as_few_young_ones_as_will_do() -> None:
    rows = [piece(0, range(5)), *(piece(n, range(10 * n, 10 * n + 5), epoch_ms=25, service="vpn") for n in range(1, 4))]
    small, rest = bundle_up("t", rows, epoch_end_ms=70, rule=rule(people=10), key=KEY)
    assert [[one.block for one in bundle.pieces] for bundle in small] == [["b1", "b2", "b3"]]
    assert [one.block for one in rest] == ["b0"]
    rows = [piece(0, range(5)), *(piece(n, range(10 * n, 10 * n + 5), epoch_ms=65, service=f"s{n}") for n in (1, 2, 3))]
    [bundle], rest = bundle_up("t", rows, epoch_end_ms=70, rule=rule(people=10), key=KEY)
    assert [one.block for one in bundle.pieces] == ["b0", "b1"]
    assert (bundle.level, bundle.labels[0], bundle.labels[3]) == (2, "NO", MIXED)


def test_the_profiles_wait_twice_as_long_as_for_blocks() -> None:
    assert [level.wait_ms for level in STANDARD.bundle_levels] == [0, 2 * DAY_MS, 4 * DAY_MS, 6 * DAY_MS]
    assert [level.wait_ms for level in DEMO.bundle_levels] == [0, 20_000, 40_000, 60_000]
    for profile in (STANDARD, DEMO):
        assert bundle_rule_of(profile).people == 20
        assert bundle_rule_of(profile).grid.k == profile.k


def test_fewer_people_than_k_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"bundle_people is 4; allowed: 5 \(k\) and more"):
        rule(people=4, k=5)


def test_ids_and_runs_are_keyed_and_blind_to_order() -> None:
    rows = [piece(n, range(10 * n, 10 * n + 8)) for n in range(2)]
    [one] = bundle_up("t", rows, epoch_end_ms=10, rule=rule(), key=KEY)[0]
    [two] = bundle_up("t", rows[::-1], epoch_end_ms=10, rule=rule(), key=KEY)[0]
    [other] = bundle_up("u", rows, epoch_end_ms=10, rule=rule(), key=KEY)[0]
    [keyed] = bundle_up("t", rows, epoch_end_ms=10, rule=rule(), key=bundle_key(b"x"))[0]
    assert one == two
    assert len({one.bundle, other.bundle, keyed.bundle}) == 3
    runs = {bundle_run_id("t", 10, some, KEY) for some in ([one], [one, other], [replace(one, level=1)], [])}
    assert len(runs) == 4
    assert bundle_run_id("t", 10, [one, other], KEY) == bundle_run_id("t", 10, [other, one], KEY)
