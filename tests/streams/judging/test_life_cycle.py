"""The life cycle of an alert: holds, keys, updates, inhibition. Properties over any story, and the turns one by one."""

import itertools
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events.judging import AlertKind, Severity
from streams.judging.alert_ids import alert_id
from streams.judging.life_cycle import (
    POLICIES,
    Around,
    Episode,
    Explainer,
    Figures,
    Signal,
    Turn,
    advance,
    end,
    softened,
)

UNIT_MS = 60_000
NAME = ("acme", "happiness/country=NO", "slow-burn")
KINDS: tuple[AlertKind, ...] = tuple(POLICIES)
PARENT = Explainer(alert_id="p" * 32, kind="drift", shortfall=0.3)
MOMENTS = st.tuples(st.sampled_from([True, False, None]), st.booleans(), st.sampled_from([None, 0.1, 0.3]))
"""(is bad, maintenance, shortfall of a parent that is open)."""
STORIES = st.lists(MOMENTS, max_size=80)
Moment = tuple[bool | None, bool, float | None]


def signal(
    is_bad: bool | None,
    kind: AlertKind = "slow_burn",
    *,
    share: float = 0.4,
    floor: float = 0.3,
    severity: Severity = "warning",
) -> Signal:
    figures = Figures(when="", share=share, floor=floor, shortfall=0.7 - share)
    return Signal(kind=kind, is_bad=is_bad, severity=severity, reason="why", figures=figures)


def around(number: int, *, muted: bool = False, explainers: Sequence[Explainer] = (), acked: str = "") -> Around:
    return Around(
        at_ms=number * UNIT_MS,
        unit_ms=UNIT_MS,
        name=NAME,
        is_muted=muted,
        is_acked=lambda name: name == acked,
        explainers=explainers,
    )


def lived(story: Sequence[Moment], kind: AlertKind = "slow_burn", *, through_json: bool = False) -> list[Turn]:
    """Take an episode through a story, one unit after the other."""
    turns: list[Turn] = []
    episode: Episode | None = None
    for number, (is_bad, muted, shortfall) in enumerate(story, start=1):
        parents = [] if shortfall is None else [parent(shortfall)]
        turns.append(advance(episode, signal(is_bad, kind), around(number, muted=muted, explainers=parents)))
        episode = turns[-1].episode
        if through_json:
            episode = msgspec.json.decode(msgspec.json.encode(episode), type=Episode | None)
    return turns


def parent(shortfall: float) -> Explainer:
    return Explainer(alert_id="p" * 32, kind="drift", shortfall=shortfall)


def simply(*bads: bool | None, kind: AlertKind = "slow_burn") -> list[Turn]:
    return lived([(is_bad, False, None) for is_bad in bads], kind)


def acts(turns: Sequence[Turn]) -> list[str]:
    return [turn.act for turn in turns]


@given(STORIES, st.sampled_from(KINDS))
def test_opens_and_closes_take_turns_and_sequences_count(story: list[Moment], kind: AlertKind) -> None:
    said = [turn for turn in lived(story, kind) if turn.is_published]
    assert [turn.act for turn in said if turn.act != "update"] == ["open", "close"] * (len(said) // 2) + ["open"] * (
        sum(turn.act != "update" for turn in said) % 2
    )
    episodes: dict[str, list[int]] = {}
    for turn in said:
        assert turn.episode is not None
        episodes.setdefault(turn.episode.alert_id, []).append(turn.episode.sequence)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in episodes.values())


@given(STORIES, st.sampled_from(KINDS))
def test_a_replay_through_json_turns_the_same_way(story: list[Moment], kind: AlertKind) -> None:
    assert lived(story, kind) == lived(story, kind, through_json=True)


@given(STORIES, st.sampled_from(KINDS))
def test_nothing_opens_or_is_updated_in_maintenance(story: list[Moment], kind: AlertKind) -> None:
    turns = lived(story, kind)
    assert {turn.act for turn, (_, muted, _) in zip(turns, story, strict=True) if muted} <= {
        "none", "drop", "keep", "flap", "close",
    }  # fmt: skip


@given(STORIES, st.sampled_from(KINDS))
def test_every_turn_has_a_reason(story: list[Moment], kind: AlertKind) -> None:
    assert all(turn.reason for turn in lived(story, kind))


@given(st.lists(st.booleans(), max_size=120), st.sampled_from(KINDS))
def test_flapping_opens_at_most_once_per_hold(bads: list[bool], kind: AlertKind) -> None:
    """Between two openings lies a whole hold of being well, whatever the story does."""
    turns = simply(*bads, kind=kind)
    opened = [number for number, turn in enumerate(turns) if turn.act == "open"]
    policy = POLICIES[kind]
    assert all(later - earlier > policy.keep + policy.pending for earlier, later in itertools.pairwise(opened))


@given(st.lists(st.sampled_from([True, None]), max_size=60), st.sampled_from(KINDS))
def test_silence_neither_opens_nor_closes(moments: list[bool | None], kind: AlertKind) -> None:
    turns = simply(*moments, kind=kind)
    assert all(turn.act == "none" for turn, is_bad in zip(turns, moments, strict=True) if is_bad is None)
    assert "close" not in acts(turns)


def test_pending_has_to_hold_before_it_calls() -> None:
    hold = POLICIES["slow_burn"].pending
    assert acts(simply(*[True] * (hold + 1))) == ["pending"] * hold + ["open"]
    assert acts(simply(True, True, False, True, True, True)) == [
        "pending",
        "pending",
        "drop",
        "pending",
        "pending",
        "open",
    ]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if POLICIES[kind].pending == 0])
def test_kinds_that_carry_their_evidence_page_at_once(kind: AlertKind) -> None:
    assert acts(simply(False, True, kind=kind)) == ["none", "open"]


def test_it_is_kept_open_for_a_while_and_a_relapse_is_the_same_episode() -> None:
    keep = POLICIES["drift"].keep
    turns = simply(True, *[False] * keep, True, *[False] * (keep + 1), kind="drift")
    assert [act for act in acts(turns) if act != "none"] == ["open", "keep", "flap", "keep", "close"]
    assert len({turn.episode.alert_id for turn in turns if turn.episode}) == 1


def test_the_id_follows_from_when_it_fired_and_the_next_episode_has_another() -> None:
    keep = POLICIES["drift"].keep
    turns = simply(False, True, *[False] * (keep + 1), True, kind="drift")
    ids = [turn.episode.alert_id for turn in turns if turn.act == "open" and turn.episode]
    assert ids == [alert_id(*NAME, 2 * UNIT_MS), alert_id(*NAME, (keep + 4) * UNIT_MS)]


def opened(kind: AlertKind = "drift", **changes: object) -> Episode:
    episode = advance(None, signal(True, kind), around(1)).episode
    assert episode is not None
    return msgspec.structs.replace(episode, **changes)


class TestUpdates:
    late = 1 + POLICIES["drift"].keep

    def test_worse_than_the_interval_published_last_is_news_after_a_pause(self) -> None:
        worse = signal(True, "drift", share=0.2, floor=0.1)
        assert advance(opened(), worse, around(self.late - 1)).act == "none"
        turn = advance(opened(), worse, around(self.late))
        assert (turn.act, turn.episode and turn.episode.sequence) == ("update", 2)
        assert advance(turn.episode, worse, around(2 * self.late)).act == "none"

    def test_good_news_and_small_changes_are_none(self) -> None:
        for share in (0.31, 0.4, 0.99):
            assert advance(opened(), signal(True, "drift", share=share, floor=0.2), around(99)).act == "none"

    def test_a_graver_severity_is_news_at_once(self) -> None:
        turn = advance(opened(), signal(True, "drift", severity="critical"), around(2))
        assert (turn.act, turn.reason) == ("update", "the severity rose to critical")
        assert advance(turn.episode, signal(True, "drift", severity="info"), around(3)).act == "none"

    def test_an_acknowledged_alert_has_no_updates_but_an_end(self) -> None:
        episode = opened()
        worse = signal(True, "drift", share=0.0, severity="critical")
        assert advance(episode, worse, around(99, acked=episode.alert_id)).act == "none"
        assert advance(episode, worse, around(99, acked="another")).act == "update"
        kept = advance(episode, signal(False, "drift"), around(99, acked=episode.alert_id)).episode
        assert advance(kept, signal(False, "drift"), around(199, acked=episode.alert_id)).act == "close"


class TestInhibition:
    def fired(self, *parents: Explainer, share: float = 0.4) -> Turn:
        return advance(None, signal(True, "drift", share=share), around(1, explainers=parents))

    def test_a_parent_that_accounts_for_most_of_it_speaks_for_it(self) -> None:
        by_half, by_most = Explainer(alert_id="h", kind="drift", shortfall=0.15), PARENT
        turn = self.fired(by_half, by_most)  # the shortfall is 0.3
        assert turn.act == "open"
        assert turn.episode
        assert turn.episode.inhibited_by == PARENT.alert_id

    @pytest.mark.parametrize(("shortfall", "is_inhibited"), [(0.23, False), (0.25, True), (0.0, False), (-0.1, False)])
    def test_four_fifths_is_enough(self, shortfall: float, is_inhibited: bool) -> None:
        turn = self.fired(parent(shortfall))
        assert turn.episode
        assert bool(turn.episode.inhibited_by) == is_inhibited

    def test_a_milder_kind_explains_nothing(self) -> None:
        turn = self.fired(Explainer(alert_id="b", kind="slow_burn", shortfall=None))
        assert turn.episode
        assert not turn.episode.inhibited_by

    def test_silence_explains_everything(self) -> None:
        turn = self.fired(Explainer(alert_id="s", kind="absence", shortfall=None))
        assert turn.episode
        assert turn.episode.inhibited_by == "s"

    def test_it_ends_with_what_explained_it_and_has_to_be_found_anew(self) -> None:
        episode = self.fired(PARENT).episode
        assert advance(episode, signal(True, "drift"), around(2, explainers=[PARENT])).act == "none"
        turn = advance(episode, signal(True, "drift"), around(3))
        assert (turn.act, turn.starts_afresh) == ("close", True)
        assert turn.episode
        assert turn.episode.inhibited_by == PARENT.alert_id

    def test_it_ends_by_itself_if_it_recovers_first(self) -> None:
        kept = advance(self.fired(PARENT).episode, signal(False, "drift"), around(2, explainers=[PARENT])).episode
        turn = advance(kept, signal(False, "drift"), around(99, explainers=[PARENT]))
        assert (turn.act, turn.starts_afresh) == ("close", False)

    def test_an_explained_alert_has_no_updates(self) -> None:
        worse = signal(True, "drift", share=0.0, severity="critical")
        assert advance(self.fired(PARENT).episode, worse, around(99, explainers=[PARENT])).act == "none"

    def test_a_graver_alert_of_the_same_target_keeps_it_waiting(self) -> None:
        own = Explainer(alert_id="s", kind="absence", shortfall=None, is_own=True)
        waiting = self.fired(own)
        assert waiting.act == "pending"
        assert advance(waiting.episode, signal(True, "drift"), around(2)).act == "open"


def test_an_end_from_outside_closes_only_what_is_open() -> None:
    pending = advance(None, signal(True), around(1)).episode
    assert pending is not None
    assert end(pending, 99, "over").act == "none"
    turn = end(opened(), 99, "over")
    assert (turn.act, turn.reason, turn.episode and turn.episode.ended_ms) == ("close", "over", 99)


def test_an_episode_was_open_from_its_opening_to_its_end() -> None:
    some = opened(ended_ms=5 * UNIT_MS)
    assert [some.was_open(number * UNIT_MS) for number in range(7)] == [False, True, True, True, True, False, False]


def test_severities_soften_to_info_at_least() -> None:
    assert [softened(one, 1) for one in ("critical", "warning", "info")] == ["warning", "info", "info"]
