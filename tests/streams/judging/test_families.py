"""Targets judged together: parents speak for children, silence for everything, and what operators did for the rest."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from streams.events.judging import Alert, AlertKind, Target
from streams.judging.actions import Order
from streams.judging.rounds import Case, Papers, Ruling, rule_family
from streams.judging.sheets import LISTEN, Epoch, ReleasedBlock, Sheet, WindowEnd, WindowRow, with_silence
from streams.judging.verdicts import JudgeState
from streams.scores import Counts
from tests.streams.judged import BLOCKS, EPOCH_MS, GOOD, HAPPY, START_MS, WINDOWS

FINE, BAD = Counts(promoters=5), Counts(detractors=5)
MINUTE_MS = 60_000
COUNTRY = msgspec.structs.replace(HAPPY, severity="critical")
MAIL, VPN = (
    msgspec.structs.replace(HAPPY, target=f"happy/NO-{name}", slice={"country": "NO", "service": name})
    for name in ("mail", "vpn")
)
HAPPY_ONES = (MAIL, COUNTRY, VPN)


def epochs(*services: Mapping[str, Counts], first: int = 1) -> list[Sheet]:
    """Return epochs with one block per service of Norway, and one of Sweden."""
    return [
        Epoch(
            START_MS + number * EPOCH_MS,
            [
                *(ReleasedBlock({"country": "NO", "service": name}, one) for name, one in sorted(some.items())),
                ReleasedBlock({"country": "SE", "service": "mail"}, FINE),
            ],
        )
        for number, some in enumerate(services, start=first)
    ]


def both(mail: Counts, vpn: Counts | None = None) -> Mapping[str, Counts]:
    return {"mail": mail, "vpn": vpn or mail}


def judged(
    targets: Sequence[Target], sheets: Sequence[Sheet], *orders: Order, states: Mapping[str, JudgeState] | None = None
) -> dict[str, Ruling]:
    known = states or {}
    cases = {one.target: Case(versions=[one], state=known.get(one.target)) for one in targets}
    ruler = BLOCKS if targets[0].indicator == "happiness" else WINDOWS
    return rule_family(cases, Papers(sheets=sheets, orders=orders), ruler)


def alerts(rulings: Mapping[str, Ruling], target: Target, kind: AlertKind = "drift") -> list[Alert]:
    return [alert for alert in rulings[target.target].alerts if alert.kind == kind]


def order(kind: Any, written: int, begin: int, until: int, **fields: Any) -> Order:
    """Return an action; times are numbers of epochs."""
    return Order(
        action_id=f"{kind}-{written}",
        kind=kind,
        version=written,
        recorded_ms=START_MS + written * EPOCH_MS,
        from_ms=START_MS + begin * EPOCH_MS,
        until_ms=START_MS + until * EPOCH_MS,
        **fields,
    )


class TestParents:
    def test_what_is_bad_everywhere_calls_once(self) -> None:
        found = judged(HAPPY_ONES, epochs(*[both(FINE)] * 10, *[both(BAD)] * 12))
        (country,) = alerts(found, COUNTRY)
        assert (country.calls, country.inhibited_by) == ("yes", "")
        for child in (MAIL, VPN):
            (alert,) = alerts(found, child)
            assert (alert.state, alert.calls, alert.inhibited_by) == ("firing", "inhibited", country.alert_id)
            assert alert.at_ms >= country.at_ms
            assert "Another alert explains it; this one calls nobody." in alert.summary

    def test_what_is_bad_in_one_place_calls_for_that_place(self) -> None:
        found = judged(HAPPY_ONES, epochs(*[both(FINE)] * 10, *[both(BAD, FINE)] * 12))
        (alert,) = alerts(found, MAIL)
        assert (alert.calls, alert.inhibited_by) == ("yes", "")
        assert alerts(found, VPN) == []

    def test_a_parent_that_is_bad_by_its_child_alone_does_not_speak_for_it(self) -> None:
        """Most of the country's answers are about mail, so its figures are nearly those of mail: still it is mail."""
        many = {"mail": Counts(detractors=25), "vpn": Counts(promoters=7)}
        well = {"mail": Counts(promoters=25), "vpn": Counts(promoters=7)}
        found = judged(HAPPY_ONES, epochs(*[well] * 10, *[many] * 12))
        assert [alert.state for alert in alerts(found, COUNTRY)] == ["firing"]
        assert [(alert.state, alert.calls) for alert in alerts(found, MAIL)] == [("firing", "yes")]

    def test_a_child_ends_with_its_parent_and_calls_if_it_is_found_anew(self) -> None:
        """The country recovers, mail does not: what one alert had explained becomes one of its own."""
        sheets = epochs(
            *[both(FINE)] * 10, *[both(BAD)] * 10, *[{"mail": BAD, **{f"s{n}": FINE for n in range(9)}}] * 40
        )
        found = judged(HAPPY_ONES, sheets)
        first, closed, second = alerts(found, MAIL)[:3]
        ended = next(alert for alert in alerts(found, COUNTRY) if alert.state == "resolved")
        assert (first.calls, closed.calls, second.calls) == ("inhibited", "inhibited", "yes")
        assert closed.reason == "the alert that explained it has ended"
        assert (closed.at_ms, closed.alert_id) == (ended.at_ms, first.alert_id)
        assert second.at_ms > closed.at_ms
        assert second.alert_id != first.alert_id

    def test_the_order_of_targets_does_not_matter(self) -> None:
        sheets = epochs(*[both(FINE)] * 10, *[both(BAD)] * 12)
        assert judged(HAPPY_ONES, sheets) == judged(HAPPY_ONES[::-1], sheets)


class TestOperators:
    sheets = epochs(*[both(FINE)] * 10, *[both(BAD)] * 14)

    def test_nothing_fires_in_maintenance_and_what_lasts_fires_after_it(self) -> None:
        found = judged([COUNTRY], self.sheets, order("maintenance", 9, 9, 20))
        (alert,) = alerts(found, COUNTRY)
        assert alert.at_ms == START_MS + 21 * EPOCH_MS
        assert [entry.verdict.verdict for entry in found[COUNTRY.target].entries[-3:]] == ["missed"] * 3

    def test_an_exclusion_takes_its_epochs_out_of_the_verdict_and_of_the_evidence(self) -> None:
        found = judged([COUNTRY], self.sheets, order("exclusion", 9, 10, 24))
        last = found[COUNTRY.target].entries[-1].verdict
        assert (last.n, last.excluded_n, last.score) == (100, 140, 100.0)
        assert last.plain_score == pytest.approx(-100 / 6)
        assert (last.verdict, last.plain_verdict) == ("met", "missed")
        assert alerts(found, COUNTRY) == []

    def test_one_that_is_written_down_later_takes_out_the_same(self) -> None:
        early = judged([COUNTRY], self.sheets, order("exclusion", 9, 10, 14))
        late = judged([COUNTRY], self.sheets, order("exclusion", 20, 10, 14))
        one, other = (found[COUNTRY.target].entries for found in (early, late))
        assert [entry.verdict.excluded_n for entry in other[10:20]] == [0] * 9 + [40]
        assert (one[-1].verdict.score, one[-1].verdict.n) == (other[-1].verdict.score, other[-1].verdict.n)
        assert one[-1].verdict.excluded_n == other[-1].verdict.excluded_n == 40

    def test_it_is_of_one_slice(self) -> None:
        found = judged(HAPPY_ONES, self.sheets, order("exclusion", 9, 10, 24, labels={"service": "mail"}))
        excluded = {name: ruling.entries[-1].verdict.excluded_n for name, ruling in found.items()}
        assert excluded == {MAIL.target: 70, VPN.target: 0, COUNTRY.target: 0}

    def test_a_new_period_begins_without_what_was_excluded_before(self) -> None:
        day = msgspec.structs.replace(COUNTRY, period="day")
        found = judged([day], epochs(*[both(FINE)] * 150), order("exclusion", 9, 10, 14))
        assert [found[day.target].entries[n].verdict.excluded_n for n in (143, 144)] == [40, 0]

    def test_a_retired_target_ends_every_kind(self) -> None:
        gone = msgspec.structs.replace(COUNTRY, version=2, state="retired", valid_from_ms=START_MS + 30 * EPOCH_MS)
        case = {"x": Case(versions=[COUNTRY, gone], state=None)}
        ruling = rule_family(case, Papers(sheets=self.sheets), BLOCKS)["x"]
        assert [(alert.kind, alert.state) for alert in ruling.alerts] == [("drift", "firing"), ("drift", "resolved")]
        assert ruling.entries[-1].state.episodes == ()


class TestSlowBurn:
    weak = Counts(detractors=1, neutrals=1, promoters=3)  # 40 against 60
    target = msgspec.structs.replace(COUNTRY, run_length=1e12, severity="critical", window_s=20 * EPOCH_MS // 1000)

    def test_a_period_that_is_being_missed_calls_softly_and_once(self) -> None:
        found = judged([self.target], epochs(*[both(self.weak)] * 80))
        (alert,) = alerts(found, self.target, "slow_burn")
        assert (alert.kind, alert.severity, alert.detector) == ("slow_burn", "warning", "slow-burn")
        assert alert.summary.startswith("Happiness in country NO is on its way to miss its target for the month.")
        assert "Why: at this rate the month will be missed." in alert.summary
        assert alert.upper is not None
        assert alert.upper < 60

    def test_few_answers_are_no_evidence(self) -> None:
        assert judged([self.target], epochs(*[both(self.weak)] * 8))[self.target.target].alerts == ()

    def test_it_ends_when_it_no_longer_goes_on(self) -> None:
        found = judged([self.target], epochs(*[both(self.weak)] * 60, *[both(FINE)] * 40))
        fired, ended = alerts(found, self.target, "slow_burn")
        assert (fired.state, ended.state) == ("firing", "resolved")
        assert found[self.target.target].entries[60].verdict.verdict == "missed"

    def test_drift_of_the_same_target_says_enough(self) -> None:
        found = judged([COUNTRY], epochs(*[both(self.weak)] * 200))
        kinds = [alert.kind for alert in found[COUNTRY.target].alerts]
        assert kinds.count("drift") == 1
        drift = next(alert for alert in found[COUNTRY.target].alerts if alert.kind == "drift")
        assert [
            one for one in found[COUNTRY.target].alerts if one.kind == "slow_burn" and one.at_ms > drift.at_ms
        ] == []


class TestSilence:
    apps = ("Chat", "Mail", "Room")
    targets = tuple(
        msgspec.structs.replace(GOOD, target=f"good/{name}", slice={"application": name}, window_s=3_600)
        for name in apps
    )

    def window(self, day: int, minute: int, *names: str) -> WindowEnd:
        at_ms = START_MS + DAY_MS + (day * 1_440 + minute) * MINUTE_MS  # days from Monday, 2 March
        return WindowEnd(at_ms, [WindowRow({"application": name}, 1_000, 1_000) for name in names])

    def learned(self) -> dict[str, JudgeState]:
        days = [self.window(day, minute, *self.apps) for day in range(5) for minute in range(541, 600)]
        return states_of(judged(self.targets, days))

    def test_an_application_that_falls_silent_calls_and_speaks_again(self) -> None:
        quiet = [self.window(7, minute, "Chat", "Room") for minute in range(541, 580)]
        loud = [self.window(7, minute, *self.apps) for minute in range(580, 590)]
        found = judged(self.targets, [*quiet, *loud], states=self.learned())
        fired, ended = alerts(found, self.targets[1], "absence")
        assert (fired.severity, fired.calls, fired.detector) == ("warning", "yes", "absence")
        assert fired.at_ms - quiet[0].at_ms < 15 * MINUTE_MS
        assert fired.reason == "nothing has come since 2026-03-06 09:59:00 UTC"
        assert ended.reason == "it speaks again"
        assert [ruling.alerts for name, ruling in found.items() if name != "good/Mail"] == [(), ()]

    def test_if_nothing_comes_at_all_one_calls_for_all(self) -> None:
        states = self.learned()
        quiet = [self.window(7, 541, *self.apps), *(self.window(7, minute) for minute in range(542, 580))]
        found = judged(self.targets, quiet, states=states)
        fired = [alert for ruling in found.values() for alert in ruling.alerts]
        assert sorted(alert.calls for alert in fired) == ["inhibited", "inhibited", "yes"]
        (caller,) = [alert.alert_id for alert in fired if alert.calls == "yes"]
        assert {alert.inhibited_by for alert in fired} == {"", caller}

    def test_nothing_is_said_in_maintenance(self) -> None:
        quiet = [self.window(7, minute, "Chat", "Room") for minute in range(541, 580)]
        known = Order(
            action_id="m", kind="maintenance", version=1, recorded_ms=0, from_ms=0, labels={"application": "Mail"}
        )
        found = judged(self.targets, quiet, known, states=self.learned())
        assert [ruling.alerts for ruling in found.values()] == [()] * 3

    def test_closed_windows_without_rows_are_looked_at_for_a_while(self) -> None:
        ends = [self.window(0, minute, "Mail") for minute in (5, 6, 9)]
        listened = with_silence(
            ends, {0}, after_ms=ends[0].at_ms - 1, before_ms=ends[0].at_ms + 10**9, unit_ms=MINUTE_MS
        )
        minutes = [(one.at_ms - ends[0].at_ms) // MINUTE_MS + 5 for one in listened]
        assert minutes == list(range(5, 9 + LISTEN + 1))
        assert [bool(one.rows) for one in listened][:6] == [True, True, False, False, True, False]

    def test_cutting_the_round_changes_nothing_of_it(self) -> None:
        ends = [self.window(0, minute, "Mail") for minute in (5, 6, 9)]
        bounds = {"unit_ms": MINUTE_MS, "before_ms": ends[2].at_ms + 99 * MINUTE_MS}
        whole = with_silence(ends, (), after_ms=0, **bounds)
        for cut in range(len(whole)):
            after_ms = whole[cut].at_ms
            heard = max(end.at_ms for end in ends if end.at_ms <= after_ms)
            rest = [end for end in ends if end.at_ms > after_ms]
            assert with_silence(rest, [heard], after_ms=after_ms, **bounds) == whole[cut + 1 :]


DAY_MS = 86_400_000


def states_of(rulings: Mapping[str, Ruling]) -> dict[str, JudgeState]:
    return {name: ruling.entries[-1].state for name, ruling in rulings.items()}


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_the_alerts_make_sense(seed: int) -> None:
    """Random stories with random actions: opens and closes take turns, and who explains is open and calls itself."""
    rng = random.Random(seed)
    levels = [Counts(promoters=5), Counts(promoters=3, detractors=2), Counts(detractors=5)]
    story = [both(rng.choice(levels), rng.choice(levels)) for _ in range(12)]
    sheets = epochs(*[some for some in story for _ in range(rng.randrange(3, 15))])
    muted = [order("maintenance", n, n, n + rng.randrange(1, 30)) for n in rng.sample(range(1, 100), 2)]
    excluded = [order("exclusion", n, n - 5, n + 5, labels={"service": "mail"}) for n in rng.sample(range(10, 100), 2)]
    found = judged(HAPPY_ONES, sheets, *muted, *excluded)
    every = {alert.alert_id: alert for ruling in found.values() for alert in ruling.alerts if alert.sequence == 0}
    for ruling in found.values():
        _check_turns(ruling.alerts)
        for alert in ruling.alerts:
            assert (alert.calls == "inhibited") == bool(alert.inhibited_by)
            if alert.inhibited_by:
                assert every[alert.inhibited_by].calls == "yes"
                assert every[alert.inhibited_by].started_at_ms <= alert.started_at_ms
            if alert.state == "firing":
                assert not any(one.from_ms < alert.at_ms < one.until_ms + EPOCH_MS for one in muted)


def _check_turns(alerts: Sequence[Alert]) -> None:
    """Check that each kind opens, is perhaps updated, and closes, with sequences that count."""
    for kind in {alert.kind for alert in alerts}:
        mine, open_id, sequence = [alert for alert in alerts if alert.kind == kind], "", 0
        for alert in mine:
            if not open_id:
                assert (alert.state, alert.sequence) == ("firing", 0)
                open_id, sequence = alert.alert_id, 0
                continue
            sequence += 1
            assert (alert.alert_id, alert.sequence) == (open_id, sequence)
            open_id = open_id if alert.state == "firing" else ""


def test_a_state_from_before_there_were_episodes_goes_on() -> None:
    sheets = epochs(*[both(FINE)] * 10, *[both(BAD)] * 8, *[both(FINE)] * 60)
    whole = judged([COUNTRY], sheets)[COUNTRY.target]
    fired, ended = whole.alerts
    middle = next(entry.state for entry in whole.entries if entry.state.at_ms == START_MS + 18 * EPOCH_MS)
    new = ("excluded", "exclusions", "turned", "absence", "burnt", "heard_ms", "recent", "episodes")
    old = {name: value for name, value in msgspec.to_builtins(middle).items() if name not in new} | {"format": 1}
    state = msgspec.json.decode(msgspec.json.encode(old), type=JudgeState)
    rest = judged([COUNTRY], sheets, states={COUNTRY.target: state})[COUNTRY.target]
    (resolved,) = [alert for alert in rest.alerts if alert.kind == "drift"]
    assert (resolved.alert_id, resolved.sequence, resolved.state) == (fired.alert_id, 1, "resolved")
    assert resolved.at_ms == ended.at_ms
