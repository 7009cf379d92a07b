"""The metric catalogue: the one that ships, and what is said of one with mistakes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.catalogue import DIMENSIONS, Good, Otlp, parse_catalogue
from streams.errors import ConfigError
from streams.events import Telemetry

FILE = Path(__file__).parents[2] / "infra" / "metrics.yaml"
SHIPPED = parse_catalogue(FILE.read_text(), source="infra/metrics.yaml")


def one(keys: str) -> str:
    return f"metrics: {{wait: {{unit: s, kind: gauge, description: For tests., group_by: [country]{keys}}}}}"


def fault(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        parse_catalogue(text, source="my.yaml")
    assert str(error.value).startswith("my.yaml:")
    return str(error.value).removeprefix("my.yaml:").strip()


class TestShipped:
    def test_dimensions_are_those_of_telemetry_in_their_order(self) -> None:
        assert [name for name in Telemetry.__struct_fields__ if name in DIMENSIONS] == list(DIMENSIONS)

    def test_lists_what_the_simulated_organisation_sends(self) -> None:
        wait = SHIPPED.metrics["app.response_time"]
        assert (wait.unit, wait.kind, wait.covers_ms, wait.good) == ("ms", "duration", 5_000, Good(at_most=2_000.0))
        assert set(wait.group_by) == {"country", "service", "application"}
        assert SHIPPED.metrics["app.crash"].kind == "event"
        assert {"device.boot_time", "device.cpu_utilization"} <= set(SHIPPED.metrics)

    def test_lists_real_host_metrics(self) -> None:
        assert len([metric for metric in SHIPPED.metrics.values() if metric.otlp]) >= 12

    def test_no_window_is_grouped_without_bounds(self) -> None:
        assert all(1 <= len(metric.group_by) <= 3 for metric in SHIPPED.metrics.values())

    def test_readings_of_unknown_length_do_not_count_as_use_time(self) -> None:
        assert [metric.name for metric in SHIPPED.metrics.values() if metric.otlp and metric.good] == []

    def test_finds_metrics_by_their_otlp_name(self) -> None:
        found = {metric.name: otlp.attributes for metric, otlp in SHIPPED.by_otlp["system.disk.io"]}
        assert found == {"system.disk.read": {"direction": ("read",)}, "system.disk.written": {"direction": ("write",)}}


class TestMistakes:
    @pytest.mark.parametrize(
        ("keys", "expected"),
        [
            (
                ", colour: red",
                "metrics.wait: unknown field colour; allowed: unit, kind, description, group_by, worse, good",
            ),
            (", name: other", "metrics.wait.name: unknown key; the metric's name stands before its keys"),
            (", worse: up", "metrics.wait.worse: expected one of higher, lower, none"),
            (", covers_ms: soon", "metrics.wait.covers_ms: Expected int, got str"),
            (", covers_ms: -1", "metrics.wait.covers_ms: Expected int >= 0"),
            (", good: {at_mots: 1}", "metrics.wait.good: unknown field at_mots; allowed: at_most, at_least"),
            (", good: {}", "metrics.wait.good: expected exactly one of at_most, at_least"),
            (", good: {at_most: 1, at_least: 2}", "metrics.wait.good: expected exactly one of at_most, at_least"),
            (", good: {at_most: .nan}, worse: higher", "metrics.wait.good.at_most: Expected float"),
            (", good: {at_most: 1}, covers_ms: 1", "metrics.wait.worse: expected higher, as good has it"),
            (
                ", good: {at_least: 1}, covers_ms: 1, worse: higher",
                "metrics.wait.worse: expected lower, as good has it",
            ),
            (", good: {at_most: 1}, worse: higher", "metrics.wait.covers_ms: expected more than 0"),
            (", otlp: {}", "metrics.wait.otlp: missing required field name"),
            (", otlp: {name: x, scale: 0}", "metrics.wait.otlp.scale: Expected float > 0.0"),
            (
                ", otlp: {name: x, attributes: {state: idle}}",
                "metrics.wait.otlp.attributes[...]: Expected array, got str",
            ),
            (", otlp: {name: x, attributes: {state: []}}", "metrics.wait.otlp.attributes: each attribute needs"),
            (
                ", otlp: {name: x, labels: {}}",
                "metrics.wait.otlp: unknown field labels; allowed: name, attributes, scale",
            ),
        ],
    )
    def test_names_the_key_and_what_is_allowed(self, keys: str, expected: str) -> None:
        assert fault(one(keys)).startswith(expected)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "expected one key, metrics"),
            ("metrics: {}\nextra: 1", "expected one key, metrics"),
            ("metrics: []", "metrics: expected metric names"),
            ("metrics: {wait: 7}", "metrics.wait: expected keys unit, kind"),
            ("metrics: {Wait: {}}", "metrics.Wait: expected a name in small letters"),
            ("metrics: {7: {}}", "metrics.7: expected a name in small letters"),
            ("metrics: {wait: {unit: s}}", "metrics.wait: missing required field kind"),
            (
                one("").replace("gauge", "level"),
                "metrics.wait.kind: expected one of gauge, delta, duration, state, event",
            ),
            (
                one("").replace("[country]", "[land]"),
                f"metrics.wait.group_by[0]: expected one of {', '.join(DIMENSIONS)}",
            ),
            (one("").replace("[country]", "[country, country]"), "metrics.wait.group_by: a dimension comes twice"),
            (one("").replace("country", ", ".join(DIMENSIONS)), "metrics.wait.group_by: at most 4 dimensions"),
            ("metrics:\n  wait: {unit: s}\n  wait: {unit: s}", "line 3: key wait comes twice"),
            ("metrics:\n  - [", "line 2:"),
            ("metrics: !!python/object:builtins.object {}", "line 1:"),
            ("[" * 5_000, "nested too deep"),
            ("metrics: 2026-13-01", "month must be in 1..12"),
        ],
    )
    def test_says_what_is_wrong_with_the_text(self, text: str, expected: str) -> None:
        assert fault(text).startswith(expected)

    @given(st.text(max_size=200))
    def test_any_text_is_a_catalogue_or_a_clear_error(self, text: str) -> None:
        with pytest.raises(ConfigError, match=r"^my\.yaml:"):
            parse_catalogue(text, source="my.yaml")


def test_a_whole_entry_arrives() -> None:
    otlp = "otlp: {name: x, attributes: {a: [b, c]}, scale: 0.5, application: d}"
    text = one(f", worse: lower, good: {{at_least: 2}}, covers_ms: 60, {otlp}")
    metric = parse_catalogue(text, source="my.yaml").metrics["wait"]
    assert (metric.name, metric.group_by, metric.worse, metric.covers_ms) == ("wait", ("country",), "lower", 60)
    assert metric.good == Good(at_least=2.0)
    assert metric.otlp == Otlp("x", {"a": ("b", "c")}, 0.5, "d")
