"""The release rule against a naive reading of its pseudo code, and the properties that privacy rests on."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.blocks import (
    DIMENSIONS,
    MIXED,
    Answer,
    Block,
    Rule,
    active_epochs,
    block_key,
    crowded_epochs,
    release,
    rotated,
    rule_of,
    run_id,
)  # fmt: skip
from streams.errors import ConfigError
from streams.profile import DEMO, STANDARD, Level

KEY = b"0123456789abcdef"
EPOCH_MS = 10
CHAIN = (
    Level(wait_ms=0, keep=(("country", "service", "channel"),)),
    Level(wait_ms=30, keep=(("country", "service"),)),
    Level(wait_ms=60, keep=(("country",),)),
    Level(wait_ms=90, keep=((),)),
)
LATTICE = (
    Level(wait_ms=0, keep=(("country", "service", "channel"),)),
    Level(wait_ms=20, keep=(("country", "service"), ("service", "channel"), ("country", "channel"))),
    Level(wait_ms=40, keep=(("country",), ("service",))),
    Level(wait_ms=60, keep=((),)),
)


def rule(k: int = 3, levels: tuple[Level, ...] = CHAIN) -> Rule:
    return Rule(k=k, epoch_ms=EPOCH_MS, hold_ms=5, levels=levels)


def answer(number: int, *, log_ms: int = 0, person: str = "", country: str = "NO", service: str = "mail") -> Answer:
    labels = (country, "", "", service, "portal", "", "")
    return Answer(answer=f"a{number}", log_ms=log_ms, person=person or f"p{number}", labels=labels)


@st.composite
def answers(draw: st.DrawFn) -> list[Answer]:
    random = draw(st.randoms(use_true_random=False))
    people = draw(st.integers(1, 40))
    return [
        Answer(
            answer=f"a{number}",
            log_ms=random.randrange(200),
            person=f"p{random.randrange(people)}",
            labels=(
                random.choice(["NO", "SE", ""]), random.choice(["Oslo", ""]), "", random.choice(["mail", "vpn"]),
                random.choice(["phone", "chat"]), "", "",
            ),
        )
        for number in range(draw(st.integers(0, 60)))
    ]  # fmt: skip


rules = st.builds(rule, k=st.integers(3, 6), levels=st.sampled_from([CHAIN, LATTICE]))


def fold(rows: Sequence[Answer], rule: Rule, tenant: str = "t") -> tuple[list[tuple[int, Block]], list[Answer]]:
    """All epochs that matter, one after the other, as the release agent does it."""
    released: list[tuple[int, Block]] = []
    waiting: list[Answer] = []
    arrivals = sorted(rows, key=lambda a: a.log_ms)
    for end in range(EPOCH_MS, 200 + rule.longest_wait_ms + 3 * EPOCH_MS, EPOCH_MS):
        new = [a for a in arrivals if end - EPOCH_MS < a.log_ms + rule.hold_ms <= end]
        blocks, waiting = release(tenant, [*waiting, *new], epoch_end_ms=end, rule=rule, key=KEY)
        released += [(end, block) for block in blocks]
    return released, waiting


# ---- the naive reading: privacy page, section 3, line by line, with no regard for speed


@dataclass
class Item:
    answer_id: str
    log_time: int
    person: str
    dims: dict[str, str]


def naive_step(
    pending: list[Item], epoch_end: int, rule: Rule
) -> tuple[list[tuple[dict[str, str], set[str]]], list[Item]]:
    pending = sorted(pending, key=lambda x: (x.log_time, x.answer_id))
    blocks = []
    for level in rule.levels:
        turn = (epoch_end // rule.epoch_ms) % len(level.keep)
        for keep in level.keep[turn:] + level.keep[:turn]:
            nodes = sorted({tuple(x.dims[name] for name in keep) for x in pending})
            for node in nodes:
                items = [x for x in pending if tuple(x.dims[name] for name in keep) == node]
                while True:
                    take: list[Item] = []
                    for x in items:
                        if x.person not in [other.person for other in take]:
                            take.append(x)
                    if len(take) < rule.k:
                        break
                    if level.wait_ms:
                        old = [x for x in take if x.log_time + level.wait_ms < epoch_end]
                        if not old:
                            break
                        take = old if len(old) >= rule.k else take[: rule.k]
                    values = {name: {x.dims[name] for x in take} for name in DIMENSIONS}
                    label = {name: min(seen) if len(seen) == 1 else "*" for name, seen in values.items()}
                    blocks.append((label, {x.answer_id for x in take}))
                    items = [x for x in items if x not in take]
                    pending = [x for x in pending if x not in take]
    return blocks, pending


def naive_fold(rows: Sequence[Answer], rule: Rule) -> tuple[list[tuple[int, dict[str, str], set[str]]], set[str]]:
    items = [Item(a.answer, a.log_ms, a.person, dict(zip(DIMENSIONS, a.labels, strict=True))) for a in rows]
    out: list[tuple[int, dict[str, str], set[str]]] = []
    pending: list[Item] = []
    for end in range(EPOCH_MS, 200 + rule.longest_wait_ms + 3 * EPOCH_MS, EPOCH_MS):
        pending += [x for x in items if end - EPOCH_MS < x.log_time + rule.hold_ms <= end]
        blocks, pending = naive_step(pending, end, rule)
        out += [(end, label, members) for label, members in blocks]
    return out, {x.answer_id for x in pending}


@given(answers(), rules)
def test_equals_the_naive_reading(rows: list[Answer], rule: Rule) -> None:
    released, waiting = fold(rows, rule)
    seen = [(end, dict(zip(DIMENSIONS, b.labels, strict=True)), {m.answer for m in b.members}) for end, b in released]
    assert (seen, {a.answer for a in waiting}) == naive_fold(rows, rule)


@given(answers(), rules)
def test_each_answer_waits_or_is_in_exactly_one_block_of_k_people(rows: list[Answer], rule: Rule) -> None:
    released, waiting = fold(rows, rule)
    members = [m.answer for _, block in released for m in block.members]
    assert sorted(members + [a.answer for a in waiting]) == sorted(a.answer for a in rows)
    for _, block in released:
        assert len({m.person for m in block.members}) == len(block.members) >= rule.k


@given(answers(), rules, st.randoms(use_true_random=False))
def test_order_of_arrival_within_the_log_does_not_matter(rows: list[Answer], rule: Rule, random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled, rule) == fold(rows, rule)


@given(answers(), rules)
def test_labels_are_common_or_mixed(rows: list[Answer], rule: Rule) -> None:
    for _, block in fold(rows, rule)[0]:
        for label, values in zip(block.labels, zip(*(m.labels for m in block.members), strict=True), strict=True):
            assert label == (values[0] if len(set(values)) == 1 else MIXED)


@given(answers(), rules)
def test_kept_dimensions_are_never_mixed(rows: list[Answer], rule: Rule) -> None:
    for _, block in fold(rows, rule)[0]:
        labels = dict(zip(DIMENSIONS, block.labels, strict=True))
        assert any(all(labels[name] != MIXED for name in keep) for keep in rule.levels[block.level].keep)


@given(answers(), rules)
def test_nobody_waits_for_ever_who_could_be_released(rows: list[Answer], rule: Rule) -> None:
    _, waiting = fold(rows, rule)
    assert len({a.person for a in waiting}) < rule.k


def test_values_are_not_an_argument() -> None:
    known = {*inspect.signature(release).parameters, *Answer.__dataclass_fields__}
    assert known == {"tenant", "waiting", "epoch_end_ms", "rule", "key", "answer", "log_ms", "person", "labels"}


@given(answers(), rules)
def test_ids_differ_between_blocks_tenants_and_keys(rows: list[Answer], rule: Rule) -> None:
    released, _ = fold(rows, rule)
    ids = {block.block for _, block in released}
    assert len(ids) == len(released)
    assert ids.isdisjoint(block.block for _, block in fold(rows, rule, tenant="u")[0])
    waiting = [m for _, block in released for m in block.members]
    other, _ = release("t", waiting, epoch_end_ms=1_000, rule=rule, key=KEY[::-1])
    assert ids.isdisjoint(block.block for block in other)


@given(answers(), rules, st.randoms(use_true_random=False))
def test_run_is_a_hash_of_the_blocks_in_any_order(rows: list[Answer], rule: Rule, random: object) -> None:
    blocks = [block for _, block in fold(rows, rule)[0]]
    shuffled = list(blocks)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    run = run_id("t", 50, blocks, KEY)
    assert run == run_id("t", 50, shuffled, KEY)
    assert run != run_id("u", 50, blocks, KEY)
    assert run != run_id("t", 60, blocks, KEY)
    if blocks:
        assert run != run_id("t", 50, blocks[1:], KEY)
        assert run != run_id("t", 50, [replace(blocks[0], level=9), *blocks[1:]], KEY)


def test_a_secret_of_any_length_gives_a_key_of_its_own() -> None:
    keys = [block_key(secret) for secret in (b"", b"short", b"long" * 100)]
    assert len(set(keys)) == 3
    assert {len(key) for key in keys} == {32}


def test_a_corrected_answer_makes_another_block() -> None:
    rows = [answer(n) for n in range(3)]
    before, _ = release("t", rows, epoch_end_ms=10, rule=rule(), key=KEY)
    after, _ = release("t", [replace(rows[0], log_ms=1), *rows[1:]], epoch_end_ms=10, rule=rule(), key=KEY)
    assert before[0].block != after[0].block


def test_first_level_takes_everybody_at_once() -> None:
    blocks, rest = release("t", [answer(n) for n in range(7)], epoch_end_ms=10, rule=rule(k=5), key=KEY)
    assert [len(block.members) for block in blocks] == [7]
    assert rest == []


def test_repeats_of_a_person_wait_for_a_later_block() -> None:
    rows = [answer(n, log_ms=n, person=f"p{n % 4}") for n in range(6)]
    blocks, rest = release("t", rows, epoch_end_ms=10, rule=rule(k=4), key=KEY)
    assert [[m.answer for m in block.members] for block in blocks] == [["a0", "a1", "a2", "a3"]]
    assert [a.answer for a in rest] == ["a4", "a5"]


def test_old_answers_of_different_services_are_released_together_as_mixed() -> None:
    rows = [answer(n, service="mail" if n < 2 else "vpn") for n in range(4)]
    early, rest = release("t", rows, epoch_end_ms=60, rule=rule(k=4), key=KEY)
    late, nobody = release("t", rest, epoch_end_ms=70, rule=rule(k=4), key=KEY)
    assert (early, nobody) == ([], [])
    assert [(b.level, b.labels[0], b.labels[3]) for b in late] == [(2, "NO", MIXED)]


def test_young_answers_fill_a_block_up_to_k_only() -> None:
    rows = [answer(0, log_ms=0, service="mail"), *(answer(n, log_ms=65, service=f"s{n}") for n in range(1, 6))]
    blocks, rest = release("t", rows, epoch_end_ms=70, rule=rule(k=4), key=KEY)
    assert [[m.answer for m in block.members] for block in blocks] == [["a0", "a1", "a2", "a3"]]
    assert [a.answer for a in rest] == ["a4", "a5"]


def test_rotation_gives_each_set_its_turn() -> None:
    keep = [("country",), ("service",), ("channel",)]
    assert [rotated(keep, epoch)[0] for epoch in range(4)] == [keep[0], keep[1], keep[2], keep[0]]
    assert rotated([], 3) == []


@given(answers(), rules, st.integers(0, 300), st.integers(0, 400))
def test_skipped_epochs_release_nothing(rows: list[Answer], rule: Rule, cut_ms: int, until_ms: int) -> None:
    """Folding the active epochs only, in two runs, gives exactly what folding all epochs gives."""
    released: list[tuple[int, Block]] = []
    waiting, after_ms = list(rows), 0
    for stop_ms in (min(cut_ms, until_ms), until_ms):
        for end in active_epochs([a.log_ms for a in rows], after_ms=after_ms, until_ms=stop_ms, rule=rule):
            due = [a for a in waiting if a.log_ms + rule.hold_ms <= end]
            blocks, _ = release("t", due, epoch_end_ms=end, rule=rule, key=KEY)
            released += [(end, block) for block in blocks]
            taken = {m.answer for block in blocks for m in block.members}
            waiting = [a for a in waiting if a.answer not in taken]
            after_ms = end
    assert released == [(end, block) for end, block in fold(rows, rule)[0] if end <= until_ms]


@given(answers(), rules, st.integers(0, 200))
def test_active_epochs_are_on_the_grid_ascending_and_bounded(rows: list[Answer], rule: Rule, after_ms: int) -> None:
    ends = active_epochs([a.log_ms for a in rows], after_ms=after_ms, until_ms=250, rule=rule)
    assert ends == sorted(set(ends))
    assert all(end % EPOCH_MS == 0 and after_ms < end <= 250 for end in ends)
    assert len(active_epochs([a.log_ms for a in rows], after_ms=0, until_ms=10**9, rule=rule)) < 40


@given(answers(), rules)
def test_crowded_epochs_are_the_active_ones_with_k_people(rows: list[Answer], rule: Rule) -> None:
    ends = active_epochs([row.log_ms for row in rows], after_ms=0, until_ms=500, rule=rule)
    last_ms = rule.longest_wait_ms + rule.epoch_ms
    people = {
        end: {row.person for row in rows if row.log_ms + rule.hold_ms <= end <= row.log_ms + last_ms} for end in ends
    }
    crowded = crowded_epochs(ends, [(row.log_ms, row.person) for row in rows], rule=rule)
    assert crowded == {end for end in ends if len(people[end]) >= rule.k}


def test_profiles_carry_a_valid_rule() -> None:
    assert [rule_of(profile).longest_wait_ms for profile in (STANDARD, DEMO)] == [3 * 86_400_000, 30_000]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 2}, "k is 2; allowed: 3 and more"),
        ({"epoch_ms": 0}, "epoch_ms is 0"),
        ({"levels": (Level(wait_ms=0, keep=(("colour",),)),)}, "'colour'; allowed: country"),
    ],
)
def test_impossible_rules_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(rule(), **change)  # type: ignore[arg-type]
