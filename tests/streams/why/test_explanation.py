"""An explanation holds what is published and adds up; the alert that carries it goes over the wire."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.blocks import DIMENSIONS
from streams.codecs import Ok, decode, encode_avro, encode_json
from streams.events.judging import Alert
from streams.scores import HAPPINESS, Counts
from streams.why.coincidences import Happening
from streams.why.explanation import MOST_DIMENSIONS, MOST_VALUES, Question, Why, explain
from streams.why.figures import OTHER, Row, answers_of
from streams.why.mix import Promise
from streams.why.telling import fields_of, rounded, text_of, with_why
from tests.streams.alerting import ALERT

SINCE_MS = 1_772_326_800_000
K = 5
QUESTION = Question(
    slice={"country": "NO"},
    scale=HAPPINESS,
    dimensions=DIMENSIONS,
    least=K,
    since_ms=SINCE_MS,
    until_ms=ALERT.started_at_ms,
    reach_ms=7 * 86_400_000,
    promise=Promise(objective=0.8, level=2_000.0),
)
GOOD, BAD = Counts(promoters=40, neutrals=5, detractors=5), Counts(promoters=10, neutrals=5, detractors=35)
SERVICES = ("mail", "vpn", "crm", "print", "chat", "phone")


def span(counts: dict[str, Counts]) -> list[Row]:
    return [answers_of({"country": "NO", "service": name, "channel": "*"}, one) for name, one in counts.items()]


def deploy(name: str, service: str, title: str = "") -> Happening:
    where = {"service": service} if service else {}
    return Happening(kind="deploy", name=name, at_ms=SINCE_MS - 3_600_000, where=where, title=title)


def story() -> Why:
    """Mail fell in one country; one change of mail among those of other services."""
    before, after = span(dict.fromkeys(SERVICES, GOOD)), span({**dict.fromkeys(SERVICES, GOOD), "mail": BAD})
    happenings = [deploy(f"decoy-{name}", name) for name in SERVICES[1:]]
    return explain(
        QUESTION, before, after, [*happenings, deploy("everywhere", ""), deploy("cause", "mail", "new\nmail")]
    )


def test_the_service_that_fell_carries_the_change_and_its_change_ranks_first() -> None:
    why = story()
    assert why.change == Fraction(-20)
    assert (why.contributions[0].dimension, why.contributions[0].value, why.contributions[0].share) == (
        "service", "mail", Fraction(1),
    )  # fmt: skip
    assert [one.what.name for one in why.coincidences] == ["cause", "everywhere"]
    assert not why.is_mix


def test_the_alert_says_it_in_fields_and_in_words() -> None:
    alert = with_why(ALERT, story())
    assert (alert.usual, alert.usual_n, alert.change, alert.since_ms) == (70.0, 300, -20.0, SINCE_MS)
    first, second = alert.contributions[:2]
    assert first == {"dimension": "service", "value": "mail", "points": "-20.0", "share": "1.000", "n": "50"}
    assert second["share"] == "0.000"
    assert alert.coincidences[0] == {
        "kind": "deploy", "name": "cause", "at": "2026-03-01 00:00:00 UTC", "where": "service mail",
        "title": "new mail",
    }  # fmt: skip
    assert alert.summary == (
        "Happiness in country NO has drifted below its target. Before: 70.0 (300 answers); change -20.0. "
        "Contributes most: service mail 100 % of the change. Coincidences (not causes): "
        "deploy cause (new mail) 2026-03-01 00:00:00 UTC on service mail; deploy everywhere 2026-03-01 00:00:00 UTC."
    )


@pytest.mark.parametrize("encode", [encode_json, encode_avro])
def test_the_wire_takes_it(encode: object) -> None:
    alert = with_why(ALERT, story())
    assert decode(encode(alert)) == Ok(alert)  # type: ignore[operator]


def test_the_runbook_stays_at_the_end_however_long_the_text() -> None:
    long = msgspec.structs.replace(ALERT, summary=f"{'x' * 1_900} Runbook: docs/runbook.md")
    told = with_why(long, story()).summary
    assert told.startswith(f"{'x' * 1_900} Before: 70.0")
    assert told.endswith(" Runbook: docs/runbook.md")
    assert len(told) == 2_000


def test_an_alert_from_before_is_still_readable() -> None:
    old = {name: value for name, value in msgspec.to_builtins(ALERT).items() if name not in fields_of(story())}
    del old["silence_link"]
    assert decode(msgspec.json.encode(old)) == Ok(ALERT)


def test_a_change_of_mix_is_said_to_be_one() -> None:
    portal, phone = Counts(promoters=85, neutrals=10, detractors=5), Counts(promoters=55, neutrals=30, detractors=15)

    def channels(shares: tuple[int, int]) -> list[Row]:
        several = [
            (name, one)
            for name, one, n in zip(("portal", "phone"), (portal, phone), shares, strict=True)
            for _ in range(n)
        ]
        return [answers_of({"country": "NO", "channel": name}, one) for name, one in several]

    why = explain(QUESTION, channels((7, 3)), channels((4, 6)), [])
    assert (why.usual, why.now) == (Fraction(68), Fraction(56))
    assert why.is_mix
    assert "This is a change of mix (channel): the parts are as before." in text_of(why, unit="", counted="answers")
    assert with_why(ALERT, why).mix_share == 1.0


def test_without_figures_there_is_nothing_to_say() -> None:
    why = explain(QUESTION, [], span({"mail": BAD}), [])
    assert (why.usual, why.change, why.mix, list(why.contributions)) == (None, None, None, [])
    assert with_why(ALERT, why).summary == ALERT.summary


COUNTS = st.builds(
    Counts, detractors=st.integers(0, 30), neutrals=st.integers(0, 30), promoters=st.integers(0, 30)
).filter(lambda counts: counts.n >= K)
VALUES = st.sampled_from(["a", "b", "c", "d", "e", "f", "*", ""])
BLOCKS = st.lists(st.tuples(VALUES, VALUES, COUNTS), min_size=1, max_size=25)


def rows(blocks: list[tuple[str, str, Counts]]) -> list[Row]:
    return [answers_of({"country": "NO", "service": s, "channel": c}, counts) for s, c, counts in blocks]


@given(BLOCKS, BLOCKS)
def test_what_an_alert_tells_adds_up_and_is_bounded(
    early: list[tuple[str, str, Counts]], late: list[tuple[str, str, Counts]]
) -> None:
    why = explain(QUESTION, rows(early), rows(late), [])
    alert: Alert = with_why(ALERT, why)
    dimensions = {part["dimension"] for part in alert.contributions}
    assert len(dimensions) <= MOST_DIMENSIONS
    for name in dimensions:
        exact = [part for part in why.contributions if part.dimension == name]
        told = [part for part in alert.contributions if part["dimension"] == name]
        assert len(told) <= MOST_VALUES + 1
        assert sum(part.points for part in exact) == why.change
        assert sum(part.share for part in exact) == 1
        assert sum(Fraction(part["share"]) for part in told) == 1
        assert sum(Fraction(part["points"]) for part in told) == round(10 * (why.change or Fraction(0))) / Fraction(10)
        assert sum(part.n for part in exact) == why.now_n
        assert all(part.n >= K or part.n == 0 for part in exact)
        assert {part["value"] for part in told} <= {"a", "b", "c", "d", "e", "f", OTHER}


@given(st.lists(st.fractions(-100, 100), min_size=1, max_size=10), st.integers(0, 3))
def test_rounded_parts_add_up_to_the_rounded_whole(parts: list[Fraction], digits: int) -> None:
    told = [Fraction(text) for text in rounded(parts, digits)]
    assert sum(told) == Fraction(round(sum(parts) * 10**digits), 10**digits)
    assert all(abs(a - b) < Fraction(1, 10**digits) + Fraction(1, 10**9) for a, b in zip(told, parts, strict=True))
