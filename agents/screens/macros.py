"""What Grafana and its ClickHouse plugin put in place of macros and variables, so that a query can be run without them.

References:
    grafana/clickhouse-datasource 4.x, "Macros" in its documentation; `$__conditionalAll` in `CHDatasource.ts`.
    grafana/grafana, `templateSrv` and the format `singlequote`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from streams.errors import ConfigError

ALL = "$__all"
"""Grafana's value of the choice "All"."""

Chosen = str | tuple[str, ...]
"""One value, or several of a variable that allows it."""


@dataclass(frozen=True, kw_only=True)
class View:
    """What the person looks at.

    Attributes:
        start_s: Start of the time range, unix seconds.
        end_s: Its end.
        interval_s: Width of a point, seconds.
        chosen: Variable -> chosen value or values; `ALL` stands for all options.
        options: Variable -> what may be chosen; needed for variables that are at `ALL`.
    """

    start_s: int
    end_s: int
    interval_s: int
    chosen: Mapping[str, Chosen]
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def values(self, name: str) -> tuple[str, ...]:
        """Return the chosen values; of `ALL`, every option."""
        chosen = self.chosen[name]
        values = (chosen,) if isinstance(chosen, str) else tuple(chosen)
        return self.options.get(name, values) if ALL in values else values


_CONDITIONAL = "$__conditionalAll("
_CALL = re.compile(r"\$__(\w+)(?:\(([^()]*)\))?")
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(?!_)(\w+)")
_NAME = re.compile(r"\$\{?(\w+)\}?")


def expand(sql: str, view: View) -> str:
    """Return the SQL that would reach ClickHouse.

    Raises:
        ConfigError: An unknown macro, a variable that nobody declared, or a variable that is not quoted by
            `:singlequote`: a chosen value with an apostrophe would break out of its string.
    """
    sql = "".join(_conditions(sql, view))
    return _VARIABLE.sub(lambda found: _variable(found, view), _CALL.sub(lambda found: _macro(found, view), sql))


def _conditions(sql: str, view: View) -> Iterator[str]:
    """Yield the query with every `$__conditionalAll(condition, $variable)` decided."""
    while (begin := sql.find(_CONDITIONAL)) >= 0:
        inside = begin + len(_CONDITIONAL)
        end = _closing(sql, inside)
        condition, comma, variable = sql[inside:end].rpartition(",")
        named = _NAME.fullmatch(variable.strip())
        if not comma or named is None:
            raise ConfigError("$__conditionalAll needs a condition and a variable: $__conditionalAll(a = 1, $b)")
        is_all = ALL in view.values(_declared(named.group(1), view)) or ALL in view.chosen[named.group(1)]
        yield sql[:begin] + ("1=1" if is_all else condition)
        sql = sql[end + 1 :]
    yield sql


def _closing(sql: str, begin: int) -> int:
    depth = 1
    for at, sign in enumerate(sql[begin:], start=begin):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0:
            return at
    raise ConfigError("$__conditionalAll( is never closed")


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
        raise ConfigError(f"macro $__{name} is unknown; allowed: {', '.join([*known, 'conditionalAll'])}")
    return known[name]


def _variable(found: re.Match[str], view: View) -> str:
    name, style = _declared(found.group(1) or found.group(3), view), found.group(2)
    if style != "singlequote":
        raise ConfigError(f"variable {name} must be written ${{{name}:singlequote}}")
    # Exactly what Grafana does, for one value and for several.
    return ",".join("'" + value.replace("'", "\\'") + "'" for value in view.values(name))


def _declared(name: str, view: View) -> str:
    if name not in view.chosen:
        raise ConfigError(f"variable {name} is not declared; allowed: {', '.join(view.chosen) or 'none'}")
    return name
