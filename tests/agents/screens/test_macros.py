"""The stand-in for Grafana's macros and variables."""

import pytest

from agents.screens.macros import View, expand
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
