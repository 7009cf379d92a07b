"""From published periods to watermelon alerts: one per episode, the same for any order of what was published."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.codecs import Ok, decode, encode_json
from streams.events.judging import Alert, Target
from streams.judging.tandem import Cell, Track, follow_family, follow_target, is_tandem
from streams.judging.watermelon import Kept
from streams.scores import Counts
from tests.streams.judged import GOOD, HAPPY, START_MS

DAY_MS = 86_400_000
TARGET = msgspec.structs.replace(HAPPY, objective=75.0, slice={"country": "NO", "service": "mail"})
MAIL = {"country": "NO", "service": "mail"}
KEPT, UNHAPPY = Kept(made=385, tickets=400), Counts(promoters=300, neutrals=40, detractors=60)
HAPPIER = Counts(promoters=3_000)


def day(number: int, kept: Kept = KEPT, answers: Counts = UNHAPPY, where: dict[str, str] = MAIL) -> Cell:
    return Cell(end_ms=START_MS + number * DAY_MS, where=where, kept=kept, answers=answers)


STORY = [day(1), day(2), day(3), day(4, answers=HAPPIER), day(5, answers=HAPPIER), day(6)]


def test_a_watermelon_fires_once_and_ends_once() -> None:
    fired, resolved = follow_target([TARGET], STORY, bucket_ms=DAY_MS)
    assert (fired.state, fired.sequence, fired.kind) == ("firing", 0, "watermelon")
    assert (resolved.state, resolved.sequence, resolved.alert_id) == ("resolved", 1, fired.alert_id)
    assert (fired.at_ms - START_MS) / DAY_MS == 2  # shown on two days in a row
    assert (fired.severity, fired.objective, fired.n) == ("info", 75.0, 800)
    assert fired.summary == (
        "The service level is met and people are unhappy: country NO, service mail. "
        "This month: 770 of 800 tickets in time (95 % interval 94.7 to 97.4 %, goal 90 %); "
        "happiness 60.0 against 75 (95 % interval 54.7 to 64.9, 800 answers). "
        "Alert raised 2026-03-03 00:00:00 UTC. Runbook: docs/runbooks/happiness-drift.md"
    )
    assert [decode(encode_json(one)) for one in (fired, resolved)] == [Ok(fired), Ok(resolved)]


@given(st.permutations(STORY))
def test_the_order_of_what_was_published_is_nothing(cells: list[Cell]) -> None:
    assert follow_target([TARGET], cells, bucket_ms=DAY_MS) == follow_target([TARGET], STORY, bucket_ms=DAY_MS)


def test_a_longer_look_says_what_a_shorter_one_said() -> None:
    whole = follow_target([TARGET], STORY, bucket_ms=DAY_MS)
    for length in range(len(STORY)):
        part = follow_target([TARGET], STORY[:length], bucket_ms=DAY_MS)
        assert part == whole[: len(part)]


@pytest.mark.parametrize("where", [{"country": "SE", "service": "mail"}, {"country": "*", "service": "mail"}])
def test_what_lies_elsewhere_does_not_count(where: dict[str, str]) -> None:
    assert follow_target([TARGET], [day(n, where=where) for n in range(1, 9)], bucket_ms=DAY_MS) == []
    parent = msgspec.structs.replace(TARGET, slice={"service": "mail"})
    assert len(follow_target([parent], [day(n, where=where) for n in range(1, 9)], bucket_ms=DAY_MS)) == 1


def test_a_month_starts_again_and_an_episode_goes_on() -> None:
    cells = [*STORY[:3], day(40, kept=Kept(), answers=Counts()), day(41), day(42)]
    assert [alert.state for alert in follow_target([TARGET], cells, bucket_ms=DAY_MS)] == ["firing"]


def test_a_retired_target_ends_its_episode() -> None:
    retired = msgspec.structs.replace(TARGET, version=2, state="retired", valid_from_ms=START_MS + 3 * DAY_MS + 7)
    fired, ended = follow_target([TARGET, retired], STORY, bucket_ms=DAY_MS)
    assert (ended.state, ended.reason, ended.at_ms) == ("resolved", "the target was retired", retired.valid_from_ms)
    assert ended.alert_id == fired.alert_id


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (TARGET, True),
        (msgspec.structs.replace(TARGET, slice={}), True),
        (msgspec.structs.replace(TARGET, slice={"channel": "chat"}), False),
        (GOOD, False),
    ],
)
def test_only_happiness_by_country_and_service_has_a_service_level_beside_it(target: object, expected: bool) -> None:
    assert is_tandem(target) == expected  # type: ignore[arg-type]


COUNTRY = msgspec.structs.replace(TARGET, target="happiness-by-country/country=NO", slice={"country": "NO"})
CHILD = msgspec.structs.replace(TARGET, target="happiness-by-country-and-service/NO-mail")
CRM = {"country": "NO", "service": "crm"}
CONTENT = Counts(promoters=380, neutrals=15, detractors=5)


def family(cells: list[Cell], *targets: list[Target]) -> list[Alert]:
    tracks = [Track(versions) for versions in targets or ([CHILD], [COUNTRY])]
    return follow_family(tracks, cells, bucket_ms=DAY_MS)


def test_a_parent_whose_other_parts_are_as_bad_speaks_for_its_child() -> None:
    cells = [day(n, where=where) for n in (1, 2, 3) for where in (MAIL, CRM)]
    child, parent = family(cells)
    assert (parent.target, parent.calls, child.calls) == (COUNTRY.target, "yes", "inhibited")
    assert child.inhibited_by == parent.alert_id
    assert "Another alert explains it; this one calls nobody." in child.summary


def test_a_parent_that_is_bad_by_its_child_alone_does_not() -> None:
    terrible = Counts(promoters=100, neutrals=100, detractors=600)
    cells = [one for n in (1, 2, 3) for one in (day(n, answers=terrible), day(n, answers=CONTENT, where=CRM))]
    assert [(one.target, one.calls) for one in family(cells)] == [(CHILD.target, "yes"), (COUNTRY.target, "yes")]


def test_what_a_parent_explained_is_looked_at_afresh_when_it_ends() -> None:
    cells = [day(n, where=where) for n in (1, 2) for where in (MAIL, CRM)]
    cells += [one for n in (3, 4, 5, 6) for one in (day(n), day(n, answers=HAPPIER, where=CRM))]
    mine = [one for one in family(cells) if one.target == CHILD.target]
    assert [(one.state, one.calls) for one in mine] == [
        ("firing", "inhibited"), ("resolved", "inhibited"), ("firing", "yes"),
    ]  # fmt: skip
    assert mine[1].reason == "the alert that explained it has ended"
    assert mine[2].at_ms - mine[1].at_ms == DAY_MS
    assert mine[2].alert_id != mine[0].alert_id


def test_a_retired_parent_lets_its_child_go() -> None:
    retired = msgspec.structs.replace(COUNTRY, version=2, state="retired", valid_from_ms=START_MS + 2 * DAY_MS + 1)
    cells = [day(n, where=where) for n in (1, 2, 3, 4) for where in (MAIL, CRM)]
    alerts = family(cells, [CHILD], [COUNTRY, retired])
    mine = [(one.state, one.calls) for one in alerts if one.target == CHILD.target]
    assert mine == [("firing", "inhibited"), ("resolved", "inhibited"), ("firing", "yes")]


@given(st.permutations([day(n, where=where) for n in (1, 2, 3) for where in (MAIL, CRM)]))
def test_the_order_of_the_cells_and_of_the_targets_is_nothing_to_a_family(cells: list[Cell]) -> None:
    assert family(cells, [COUNTRY], [CHILD])[::-1] == family(sorted(cells, key=lambda one: one.end_ms))


def test_a_target_says_what_service_level_should_be_kept() -> None:
    strict = msgspec.structs.replace(TARGET, sla_goal=99.0)
    assert follow_target([strict], STORY, bucket_ms=DAY_MS) == []
    loose = follow_target([msgspec.structs.replace(TARGET, sla_goal=85.0)], STORY, bucket_ms=DAY_MS)
    assert "goal 85 %" in loose[0].summary
