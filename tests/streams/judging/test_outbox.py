"""The outbox: order per episode, growing pauses, and offsets that wait for what is not settled."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.events.judging import Alert
from streams.judging.outbox import Errand, Outbox, key_of, pause_ms

FIRING = Alert(
    tenant="t", alert_id="a", dedup_key="d", sequence=0, target="x", version=1, detector="e-detector", state="firing",
    reason="r", severity="info", started_at_ms=1, at_ms=1, slice={}, objective=60.0, score=None, lower=None, upper=None,
    n=0, coverage=None, summary="s", runbook="b",
)  # fmt: skip
RESOLVED = msgspec.structs.replace(FIRING, sequence=1, state="resolved")
OTHER = msgspec.structs.replace(FIRING, alert_id="b")


def filled(*alerts: Alert, notifiers: tuple[str, ...] = ("log", "webhook")) -> Outbox:
    outbox = Outbox(notifiers)
    for offset, alert in enumerate(alerts):
        outbox.add(alert, stamp_ms=100)
        outbox.place(0, offset, alert)
    outbox.read_up_to(0, len(alerts))
    return outbox


def take(outbox: Outbox, notifier: str, now_ms: int = 1_000) -> Errand:
    errand = outbox.next_errand(notifier, now_ms)
    assert errand is not None
    return errand


def test_each_notifier_gets_each_alert() -> None:
    outbox = filled(FIRING, OTHER)
    assert outbox.pending() == 4
    for notifier in ("log", "webhook"):
        for alert in (FIRING, OTHER):
            errand = take(outbox, notifier)
            assert errand.alert == alert
            outbox.settle(errand)
        assert outbox.next_errand(notifier, 1_000) is None


def test_a_later_state_waits_for_the_earlier_one() -> None:
    outbox = filled(RESOLVED, FIRING, OTHER, notifiers=("webhook",))
    first = take(outbox, "webhook")
    assert first.alert == FIRING
    outbox.postpone(first, 1_000)
    assert take(outbox, "webhook").alert == OTHER
    outbox.settle(take(outbox, "webhook"))
    assert outbox.next_errand("webhook", 1_000) is None
    outbox.settle(take(outbox, "webhook", 2_000))
    assert take(outbox, "webhook", 2_000).alert == RESOLVED


def test_pauses_double_up_to_a_minute() -> None:
    assert [pause_ms(failures) for failures in range(1, 9)] == [
        1_000,
        2_000,
        4_000,
        8_000,
        16_000,
        32_000,
        60_000,
        60_000,
    ]
    assert pause_ms(10_000) == 60_000


def test_a_failed_errand_comes_back_after_its_pause() -> None:
    outbox = filled(FIRING, notifiers=("webhook",))
    errand = take(outbox, "webhook", 5_000)
    outbox.postpone(errand, 5_000)
    assert outbox.next_errand("webhook", 5_999) is None
    assert outbox.next_due_ms("webhook") == 6_000
    again = take(outbox, "webhook", 6_000)
    outbox.postpone(again, 6_000)
    assert outbox.next_due_ms("webhook") == 8_000


def test_offsets_wait_for_the_slowest_notifier() -> None:
    outbox = filled(FIRING, OTHER)
    assert outbox.commit_offsets() == {0: 0}
    outbox.settle(take(outbox, "log"))
    assert outbox.commit_offsets() == {0: 0}
    outbox.settle(take(outbox, "webhook"))
    assert outbox.commit_offsets() == {0: 1}
    for notifier in ("log", "webhook"):
        outbox.settle(take(outbox, notifier))
    assert outbox.commit_offsets() == {0: 2}


def test_what_was_settled_is_not_sent_again() -> None:
    outbox = filled(FIRING, notifiers=("log",))
    outbox.settle(take(outbox, "log"))
    outbox.add(FIRING, stamp_ms=200)
    outbox.add(OTHER, stamp_ms=200, settled=["log"])
    outbox.place(0, 1, FIRING)
    outbox.place(0, 2, OTHER)
    outbox.read_up_to(0, 3)
    assert outbox.pending() == 0
    assert outbox.commit_offsets() == {0: 3}


def test_a_repeated_alert_is_one_errand_at_two_places() -> None:
    outbox = filled(FIRING, FIRING, notifiers=("log",))
    assert outbox.pending() == 1
    assert outbox.commit_offsets() == {0: 0}
    outbox.settle(take(outbox, "log"))
    assert outbox.commit_offsets() == {0: 2}


def test_an_adopted_alert_holds_no_offset_until_it_is_read() -> None:
    outbox = Outbox(("log",))
    outbox.add(FIRING, stamp_ms=1)
    assert outbox.commit_offsets() == {}
    assert take(outbox, "log").alert == FIRING


alerts = st.builds(
    lambda episode, sequence: msgspec.structs.replace(FIRING, alert_id=episode, sequence=sequence),
    st.sampled_from("abc"),
    st.integers(0, 1),
)


@given(st.lists(alerts, max_size=12), st.lists(st.tuples(st.sampled_from(["log", "webhook"]), st.booleans())))
def test_no_offset_passes_an_unsettled_alert_and_everything_ends(
    story: list[Alert], steps: list[tuple[str, bool]]
) -> None:
    outbox, settled, now = filled(*story), set(), 1_000
    sent: dict[str, list[tuple[str, int]]] = {"log": [], "webhook": []}
    committed = 0
    for notifier, is_taken in [*steps, *[("log", True), ("webhook", True)] * len(story)]:
        now += 120_000
        errand = outbox.next_errand(notifier, now)
        if errand is None:
            continue
        if is_taken:
            sent[notifier].append((errand.alert.alert_id, errand.alert.sequence))
            settled.add((key_of(errand.alert), notifier))
            outbox.settle(errand)
        else:
            outbox.postpone(errand, now)
        offset = outbox.commit_offsets()[0]
        assert offset >= committed
        committed = offset
        assert all((key_of(alert), name) in settled for alert in story[:offset] for name in sent)
    assert outbox.commit_offsets()[0] == len(story)
    for order in sent.values():
        assert len(order) == len(set(order)) == len({key_of(alert) for alert in story})
        for episode in "abc":
            mine = [sequence for name, sequence in order if name == episode]
            assert mine == sorted(mine)


def test_a_receiver_that_asks_for_a_rest_gets_it_from_every_errand_and_for_an_hour_at_most() -> None:
    outbox = filled(FIRING, OTHER)
    outbox.postpone(take(outbox, "webhook", 5_000), 5_000, rest_ms=90_000)
    assert outbox.next_errand("webhook", 94_999) is None
    assert outbox.next_due_ms("webhook") == 95_000
    assert take(outbox, "log", 5_000).alert == FIRING
    outbox.postpone(take(outbox, "webhook", 95_000), 95_000, rest_ms=10**12)
    assert outbox.next_due_ms("webhook") == 95_000 + 3_600_000


def test_a_shorter_rest_does_not_end_a_longer_one() -> None:
    outbox = filled(FIRING, OTHER)
    first, second = (Errand(alert, "log", 1) for alert in (FIRING, OTHER))
    outbox.postpone(first, 0, rest_ms=60_000)
    outbox.postpone(second, 1_000)
    assert outbox.next_errand("log", 59_999) is None


REPLAYED = msgspec.structs.replace(FIRING, calls="replayed")


def test_what_could_call_nobody_is_an_errand_again_once_it_may() -> None:
    outbox = filled(REPLAYED, notifiers=("webhook",))
    outbox.settle(take(outbox, "webhook"))
    outbox.add(REPLAYED, stamp_ms=200)
    assert outbox.pending() == 0
    outbox.add(FIRING, stamp_ms=300)
    errand = take(outbox, "webhook")
    assert errand.alert.calls == "yes"
    outbox.settle(errand)
    for alert in (FIRING, REPLAYED):
        outbox.add(alert, stamp_ms=400)
    assert outbox.pending() == 0


def test_it_may_call_even_if_the_quiet_state_is_still_on_its_way() -> None:
    outbox = filled(REPLAYED, notifiers=("webhook",))
    quiet = take(outbox, "webhook")
    outbox.add(FIRING, stamp_ms=300)
    outbox.settle(quiet)
    assert take(outbox, "webhook").alert.calls == "yes"
