"""The stand-in for Grafana's macros and variables."""

import pytest

from agents.screens.macros import ALL, View, expand
from streams.errors import ConfigError

VIEW = View(start_s=1_000, end_s=2_000, interval_s=60, chosen={"tenant": "acme", "odd": "d'Arc [x]"})


@pytest.mark.parametrize(
    ("sql", "expanded"),
    [
        ("WHERE $__timeFilter(at)", "WHERE at >= toDateTime(1000) AND at <= toDateTime(2000)"),
        (
            "$__timeFilter_ms(v.at)",
            "v.at >= fromUnixTimestamp64Milli(1000000) AND v.at <= fromUnixTimestamp64Milli(2000000)",
        ),
        ("$__fromTime, $__toTime", "toDateTime(1000), toDateTime(2000)"),
        ("$__timeInterval(at)", "toStartOfInterval(toDateTime(at), INTERVAL 60 second)"),
        ("n / $__interval_s", "n / 60"),
        ("tenant = ${tenant:singlequote}", "tenant = 'acme'"),
        ("tenant = ${odd:singlequote}", "tenant = 'd\\'Arc [x]'"),
    ],
)
def test_macros_and_variables_are_replaced(sql: str, expanded: str) -> None:
    assert expand(sql, VIEW) == expanded


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("$__timeFiltre(at)", "timeFiltre is unknown; allowed: fromTime"),
        ("tenant = ${tennant:singlequote}", "tennant is not declared; allowed: tenant, odd"),
        ("tenant = '$tenant'", r"must be written \$\{tenant:singlequote\}"),
        ("tenant = '${tenant}'", r"must be written \$\{tenant:singlequote\}"),
        ("tenant = ${tenant:raw}", r"must be written \$\{tenant:singlequote\}"),
    ],
)
def test_mistakes_are_named(sql: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        expand(sql, VIEW)


SEVERAL = View(
    start_s=1_000,
    end_s=2_000,
    interval_s=60,
    chosen={"country": ("NO", "d'Arc"), "service": (ALL,), "site": ALL},
    options={"service": ("mail", "queue"), "site": ("a",)},
)


@pytest.mark.parametrize(
    ("sql", "expanded"),
    [
        ("c IN (${country:singlequote})", "c IN ('NO','d\\'Arc')"),
        ("c IN (${service:singlequote})", "c IN ('mail','queue')"),
        ("$__conditionalAll(c IN (${country:singlequote}), $country) AND 1", "c IN ('NO','d\\'Arc') AND 1"),
        ("$__conditionalAll(c IN (f(${service:singlequote})), $service) AND 1", "1=1 AND 1"),
        ("$__conditionalAll(a, $site) AND $__conditionalAll(b, $country)", "1=1 AND b"),
    ],
)
def test_several_and_all_are_put_in_as_grafana_does(sql: str, expanded: str) -> None:
    assert expand(sql, SEVERAL) == expanded


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("$__conditionalAll(a = 1)", "needs a condition and a variable"),
        ("$__conditionalAll(a = (1, $site", "never closed"),
        ("$__conditionalAll(a, $nowhere)", "nowhere is not declared"),
    ],
)
def test_a_broken_condition_is_named(sql: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        expand(sql, SEVERAL)
