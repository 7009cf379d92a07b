"""Release rules of single tenants: what a file may say, and how it is refused."""

from dataclasses import replace

import pytest

from streams.blocks import rule_of
from streams.bundles import bundle_rule_of
from streams.cohorts import cohort_rule_of
from streams.errors import ConfigError
from streams.profile import DAY_MS, MINUTE_MS, STANDARD, Level
from streams.release_rules import bundle_rules, cohort_rules, read_deadlines, read_release_file

USUAL = rule_of(STANDARD)


def read(text: str) -> object:
    return read_release_file(text, source="release.yaml", usual=USUAL)


def test_a_tenant_says_what_differs_and_the_others_have_the_usual() -> None:
    text = """
    tenants:
      acme: {k: 8}
      slow:
        epoch: 20m
        levels:
          - {wait: 0, keep: [[country, service]]}
          - {wait: 2d, keep: [[country], [service]]}
    """
    rules = read_release_file(text, source="release.yaml", usual=USUAL)
    assert rules.of("acme") == replace(USUAL, k=8)
    assert rules.of("other") == USUAL
    levels = (
        Level(wait_ms=0, keep=(("country", "service"),)),
        Level(wait_ms=2 * DAY_MS, keep=(("country",), ("service",))),
    )
    assert rules.of("slow") == replace(USUAL, epoch_ms=20 * MINUTE_MS, levels=levels)


@pytest.mark.parametrize("text", ["", "# nothing\n", "tenants: {}", "tenants:"])
def test_nothing_said_is_the_usual_rule_for_all(text: str) -> None:
    assert read_release_file(text, source="f", usual=USUAL).all == (USUAL,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tenants: {a: {k: 2}}", "release.yaml: tenants.a.k: Expected `?int`? >= 3"),
        ("tenants: {a: {k: five}}", "release.yaml: tenants.a.k: Expected int | null, got str"),
        ("tenants: {a: {kk: 5}}", "release.yaml: tenants.a: unknown field kk; allowed: k, epoch, levels, deadline"),
        ("tenants: {a: 5}", "release.yaml: tenants.a: expected keys k, epoch, levels, deadline"),
        ("tenant: {}", "release.yaml: expected one key, tenants"),
        ("[]", "release.yaml: expected one key, tenants"),
        ("tenants: {a", "release.yaml: line 1"),
        ("tenants: {a: {epoch: 15m}}", "tenants.a.epoch is '15m'; allowed: multiples of 600 seconds, up to a day"),
        ("tenants: {a: {epoch: 2d}}", "tenants.a.epoch is '2d'; allowed: multiples of 600 seconds, up to a day"),
        ("tenants: {a: {epoch: soon}}", "tenants.a.epoch is 'soon'; allowed: a length of time such as"),
        ("tenants: {a: {levels: []}}", "tenants.a.levels: Expected array of length >= 1"),
        ("tenants: {a: {levels: [{wait: 5, keep: [[]]}]}}", "levels.0..wait is 5; allowed: 0, or a length of time"),
        ("tenants: {a: {levels: [{wait: 99d, keep: [[]]}]}}", "levels.0..wait is '99d'; allowed: at most 90d"),
        ("tenants: {a: {levels: [{wait: 1d, keep: [[person]]}]}}", "levels.0..keep: 'person'; allowed, each once: cou"),
        ("tenants: {a: {levels: [{wait: 0, keeps: []}]}}", "unknown field keeps; allowed: wait, keep"),
        (
            "tenants: {a: {levels: [{wait: 1d, keep: [[]]}, {wait: 0, keep: [[]]}]}}",
            "tenants.a.levels: expected waits that grow",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_file_key_and_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("|", r"\|")):
        read(text)


def test_bundles_follow_the_k_and_the_epoch_of_their_tenant() -> None:
    usual = bundle_rule_of(STANDARD)
    rules = read_release_file("tenants: {a: {k: 8}, b: {k: 30, epoch: 20m}}", source="f", usual=USUAL)
    found = bundle_rules(usual, rules)
    assert found.of("c") == usual
    assert (found.of("a").people, found.of("a").grid.k, found.of("a").grid.levels) == (20, 8, usual.grid.levels)
    assert (found.of("b").people, found.of("b").grid.k, found.of("b").grid.epoch_ms) == (30, 30, 20 * MINUTE_MS)


def test_cohorts_follow_the_k_the_epoch_and_the_deadline_of_their_tenant() -> None:
    text = "tenants: {a: {k: 30, epoch: 20m}, b: {deadline: 3d}, c: {}}"
    usual, blocks = cohort_rule_of(STANDARD, USUAL), read_release_file(text, source="f", usual=USUAL)
    found = cohort_rules(usual, blocks, read_deadlines(text, source="f"))
    assert found.of("a") == replace(usual, people=30, epoch_ms=20 * MINUTE_MS)
    assert found.of("b") == replace(usual, deadline_ms=3 * DAY_MS)
    assert found.of("c") == found.of("other") == usual


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("soon", "f: tenants.a.deadline is 'soon'; allowed: a length of time such as"),
        ("61d", "f: tenants.a.deadline is '61d'; allowed: at most 60d"),
        ("0d", "f: tenants.a.deadline is '0d'; allowed: a length of time such as"),
        ("7", "f: tenants.a.deadline: Expected `str . null`, got `int`|f: tenants.a.deadline: Expected str . null"),
    ],
)
def test_a_deadline_that_cannot_be_is_refused(given: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_deadlines(f"tenants: {{a: {{deadline: {given}}}}}", source="f")
