"""Expansion of a file over its dimensions, the shared budget, and versions that are only ever appended."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.codecs import Ok, decode, encode_avro, encode_json
from streams.errors import TargetError
from streams.events.judging import Target
from streams.targets import (
    Stamp,
    TargetFile,
    expand,
    next_version,
    read_target_file,
    retirement,
    run_length,
    target_id,
    version_at,
)
from streams.targets.burn import BurnRule, burn_rules

STAMP = Stamp(valid_from_ms=1_000, recorded_at_ms=2_000, author="ana", reason="first")
PAIRS = read_target_file(
    """
id: pairs
purpose: People should like what they get.
owner: desk
indicator: {kind: happiness}
slice: {channel: portal}
for_each: [country, service]
objective: 60
period: month
min_respondents: 40
expected_per_year: 219000
false_alerts_per_year: 2
recovery_length: 900
runbook: docs/runbooks/desk.md
review: 2027-01-31
routes: [on-call]
burn: [{rate: 2.5, long: 3d, short: 6h}]
profiles:
  demo:
    window: 30s
    min_respondents: 20
    run_length: 100000
    recovery_length: 1000
    burn: [{rate: 2, long: 5m, short: 30s}]
""",
    source="pairs.yaml",
)
KNOWN = {"country": ["SE", "NO", "", "NO"], "service": ["e-mail", "vpn"]}


def targets(profile: str = "standard", spec: TargetFile = PAIRS) -> list[Target]:
    return expand(spec, tenant="acme", profile=profile, values=KNOWN, stamp=STAMP)


def test_one_target_per_combination_of_known_values() -> None:
    assert [target.target for target in targets()] == [
        "pairs/country=NO,service=e-mail",
        "pairs/country=NO,service=vpn",
        "pairs/country=SE,service=e-mail",
        "pairs/country=SE,service=vpn",
    ]
    assert targets()[0].slice == {"channel": "portal", "country": "NO", "service": "e-mail"}


def test_twenty_slices_share_two_false_alerts_a_year() -> None:
    """The domain page's case: 20 slices of 30 answers a day, two false alerts a year -> 109,500 answers each."""
    assert PAIRS.expected_per_year == 20 * 30 * 365
    assert run_length(PAIRS, "standard") == 109_500
    assert {target.run_length for target in targets()} == {109_500.0}


def test_a_profile_states_its_own_values() -> None:
    (demo, standard) = (targets("demo")[0], targets()[0])
    assert (demo.window_s, demo.min_respondents, demo.run_length, demo.recovery_length) == (30, 20, 100_000, 1_000)
    assert (standard.window_s, standard.min_respondents, standard.recovery_length) == (7 * 86_400, 40, 900)


def test_a_version_carries_when_and_whom_to_call_and_how_fast_the_budget_may_burn() -> None:
    standard, demo = targets()[0], targets("demo")[0]
    assert (standard.review, standard.routes, standard.hours) == ("2027-01-31", ["on-call"], "working")
    assert (standard.burn, demo.burn) == (["2.5@259200s/21600s"], ["2@300s/30s"])
    assert burn_rules(standard.burn) == (BurnRule(rate=2.5, long_s=259_200, short_s=21_600),)


def test_the_files_own_values_go_before_known_ones() -> None:
    spec = msgspec.structs.replace(PAIRS, values={"country": ["DK"]})
    assert [target.slice["country"] for target in targets(spec=spec)] == ["DK", "DK"]


def test_without_for_each_it_is_one_target() -> None:
    (only,) = targets(spec=msgspec.structs.replace(PAIRS, for_each=[]))
    assert (only.target, only.slice) == ("pairs", {"channel": "portal"})


def test_unknown_values_are_said() -> None:
    with pytest.raises(TargetError, match=r"^pairs: for_each: no value of 'service' is known; list some under values"):
        expand(PAIRS, tenant="acme", profile="standard", values={"country": ["NO"]}, stamp=STAMP)


def test_a_long_id_is_refused() -> None:
    with pytest.raises(TargetError, match="longer than 200 characters"):
        expand(
            PAIRS, tenant="a", profile="standard", values={"country": ["x" * 120], "service": ["y" * 120]}, stamp=STAMP
        )


@given(st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=2), st.lists(st.text(min_size=1), min_size=2))
def test_ids_of_different_slices_differ(left: list[str], right: list[str]) -> None:
    def identify(values: list[str]) -> str:
        return target_id("f", [("country", values[0]), ("service", values[1])])

    assert (identify(left) == identify(right)) == (left == right[:2])


def test_every_expanded_target_fits_the_wire() -> None:
    assert [decode(encode_json(target)) for target in targets()] == [Ok(target) for target in targets()]
    assert [decode(encode_avro(target)) for target in targets()] == [Ok(target) for target in targets()]


def test_an_unchanged_promise_makes_no_version() -> None:
    first = next_version(None, targets()[0])
    assert first is not None
    assert first.version == 1
    later = msgspec.structs.replace(
        targets()[0], author="bo", reason="again", recorded_at_ms=9_000, valid_from_ms=9_000
    )
    assert next_version(first, later) is None


def test_a_changed_promise_is_appended_later_than_all_before() -> None:
    first = targets()[0]
    harder = msgspec.structs.replace(first, objective=70.0)
    second = next_version(first, harder)
    assert second is not None
    assert (second.version, second.objective) == (2, 70.0)
    assert second.valid_from_ms == first.valid_from_ms + 1
    assert second.recorded_at_ms == first.recorded_at_ms + 1
    assert next_version(second, harder) is None


def test_a_target_is_retired_once_and_may_come_back() -> None:
    first = targets()[0]
    stamp = Stamp(valid_from_ms=50_000, recorded_at_ms=50_001, author="bo", reason="gone")
    gone = retirement(first, stamp)
    assert gone is not None
    assert (gone.state, gone.version, gone.valid_from_ms, gone.reason) == ("retired", 2, 50_000, "gone")
    assert retirement(gone, stamp) is None
    back = next_version(gone, first)
    assert back is not None
    assert (back.state, back.version) == ("active", 3)


def test_an_epoch_is_judged_by_the_version_that_was_valid_before_its_end() -> None:
    first = targets()[0]
    second = msgspec.structs.replace(first, version=2, valid_from_ms=5_000)
    versions = [second, first]
    assert version_at(versions, 1_000) is None
    assert version_at(versions, 1_001) is first
    assert version_at(versions, 5_000) is first
    assert version_at(versions, 5_001) is second
