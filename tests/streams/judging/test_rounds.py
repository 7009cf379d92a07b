"""Cutting what was published to slices, and judging a target through it."""

import msgspec

from streams.judging.rounds import Epoch, ReleasedBlock, WindowEnd, WindowRow, rule
from streams.scores import Counts
from tests.streams.judged import BLOCKS, EPOCH_MS, GOOD, HAPPY, START_MS, WINDOWS

FIVE = Counts(promoters=5)


def block(promoters: int = 5, **labels: str) -> ReleasedBlock:
    return ReleasedBlock(labels, Counts(promoters=promoters))


def epoch(number: int, *blocks: ReleasedBlock) -> Epoch:
    return Epoch(START_MS + number * EPOCH_MS, blocks)


def test_a_slice_gets_the_blocks_whose_labels_equal_it_in_order() -> None:
    some = epoch(1, block(5, country="NO"), block(6, country="SE"), block(7, country="NO"), block(8, country="*"))
    assert some.step({"country": "NO"}).observations == (((1_000_000, 5),), ((1_000_000, 7),))
    assert some.step({"country": "DK"}).observations == ()


def test_mixed_and_unknown_labels_belong_to_no_slice_but_to_the_scope() -> None:
    some = epoch(1, block(5, country="NO", service="mail"), block(6, country="*", service="mail"), block(9))
    by_country, by_service = some.step({"country": "NO"}), some.step({"service": "mail"})
    assert (by_country.scope_n, by_country.named_n) == (20, 5)
    assert (by_service.scope_n, by_service.named_n) == (20, 11)
    both = some.step({"service": "mail", "country": "NO"})
    assert (both.scope_n, both.named_n, both.observations) == (20, 5, (((1_000_000, 5),),))


def test_no_slice_is_everything() -> None:
    everything = epoch(1, block(5, country="NO"), block(6, country="*")).step({})
    assert (len(everything.observations), everything.scope_n, everything.named_n) == (2, 11, 11)


def test_nobody_can_ask_for_the_mixed_ones() -> None:
    assert epoch(1, block(5, country="*")).step({"country": "*"}).observations == ()


def test_a_window_adds_up_the_rows_of_the_slice() -> None:
    some = WindowEnd(
        START_MS + 60_000,
        [
            WindowRow({"application": "Mail", "country": "NO"}, 500, 1_000),
            WindowRow({"application": "Mail", "country": "SE"}, 2_900, 3_000),
            WindowRow({"application": "Chat", "country": "NO"}, 0, 9_000),
        ],
    )
    assert some.step({"application": "Mail"}).observations == (((850_000, 1),),)
    assert some.step({"application": "Mail", "country": "NO"}).observations == (((500_000, 1),),)
    assert some.step({"application": "None"}).observations == ()
    assert some.step({}).observations == (((261_538, 1),),)


def test_a_round_in_parts_is_the_round_as_a_whole() -> None:
    sheets = [epoch(number, block(5, country="NO"), block(5, country="SE")) for number in range(1, 9)]
    whole = rule([HAPPY], None, sheets, BLOCKS)
    first = rule([HAPPY], None, sheets[:3], BLOCKS)
    rest = rule([HAPPY], first.entries[-1].state, sheets, BLOCKS)  # what is judged already is left out
    assert (*first.entries, *rest.entries) == whole.entries
    assert [entry.verdict.at_ms for entry in whole.entries] == [sheet.at_ms for sheet in sheets]


def test_nothing_is_judged_before_it_is_valid() -> None:
    later = msgspec.structs.replace(HAPPY, valid_from_ms=START_MS + 2 * EPOCH_MS)
    ruling = rule([later], None, [epoch(number, block(country="NO")) for number in range(1, 5)], BLOCKS)
    assert [entry.verdict.at_ms for entry in ruling.entries] == [START_MS + n * EPOCH_MS for n in (3, 4)]


def test_a_version_of_another_indicator_is_not_judged_by_foreign_sheets() -> None:
    before = msgspec.structs.replace(HAPPY, target=GOOD.target)
    after = msgspec.structs.replace(GOOD, version=2, valid_from_ms=START_MS + 120_000)
    rows = [WindowRow(GOOD.slice, 900, 1_000)]
    ruling = rule([before, after], None, [WindowEnd(START_MS + n * 60_000, rows) for n in range(1, 5)], WINDOWS)
    assert [(entry.verdict.version, entry.verdict.n) for entry in ruling.entries] == [(2, 1), (2, 2)]
