"""What Grafana and its ClickHouse plugin put in place of macros and variables, so that a query can be run without them.

References:
    grafana/clickhouse-datasource 4.x, "Macros" in its documentation.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from streams.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class View:
    """What the person looks at: a time range (unix seconds), the width of a point, and the chosen values."""

    start_s: int
    end_s: int
    interval_s: int
    chosen: Mapping[str, str]


_CALL = re.compile(r"\$__(\w+)(?:\(([^()]*)\))?")
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(?!_)(\w+)")


def expand(sql: str, view: View) -> str:
    """Return the SQL that would reach ClickHouse.

    Raises:
        ConfigError: An unknown macro, a variable that nobody declared, or a variable that is not quoted by
            `:singlequote`: a chosen value with an apostrophe would break out of its string.
    """
    return _VARIABLE.sub(lambda found: _variable(found, view), _CALL.sub(lambda found: _macro(found, view), sql))


def _macro(found: re.Match[str], view: View) -> str:
    name, column = found.group(1), found.group(2) or ""
    start, end = f"toDateTime({view.start_s})", f"toDateTime({view.end_s})"
    low, high = (f"fromUnixTimestamp64Milli({at_s * 1000})" for at_s in (view.start_s, view.end_s))
    known = {
        "fromTime": start,
        "toTime": end,
        "interval_s": str(view.interval_s),
        "timeFilter": f"{column} >= {start} AND {column} <= {end}",
        "timeFilter_ms": f"{column} >= {low} AND {column} <= {high}",
        "timeInterval": f"toStartOfInterval(toDateTime({column}), INTERVAL {view.interval_s} second)",
    }
    if name not in known:
        raise ConfigError(f"macro $__{name} is unknown; allowed: {', '.join(known)}")
    return known[name]


def _variable(found: re.Match[str], view: View) -> str:
    name, style = found.group(1) or found.group(3), found.group(2)
    if name not in view.chosen:
        raise ConfigError(f"variable {name} is not declared; allowed: {', '.join(view.chosen) or 'none'}")
    if style != "singlequote":
        raise ConfigError(f"variable {name} must be written ${{{name}:singlequote}}")
    return "'" + view.chosen[name].replace("'", "\\'") + "'"  # exactly what Grafana does
