"""An explanation as an alert carries it: fields for machines, and a few sentences for people.

Numbers are rounded so that the parts of a dimension still add up to the rounded whole: each is the difference of two
rounded running sums, so it is off by less than one unit of the last digit.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import groupby
from typing import Any

import msgspec

from streams.events.judging import Alert
from streams.why.coincidences import Coincidence
from streams.why.explanation import Contribution, Why
from streams.why.figures import OTHER

MOST_CHARACTERS = 2000
"""Of a summary."""
_MOST_TITLE, _MOST_PLACE = 60, 200


def with_why(alert: Alert, why: Why, *, unit: str = "", counted: str = "answers") -> Alert:
    """Return the alert with an explanation in its fields, and its first lines in the summary.

    Args:
        alert: Without one.
        why: What is published already, and no more.
        unit: Written behind a score.
        counted: What `n` counts, plural.
    """
    summary = _inserted(alert.summary, text_of(why, unit=unit, counted=counted))
    return msgspec.structs.replace(alert, **fields_of(why), summary=summary)


def _inserted(summary: str, text: str) -> str:
    """Return a summary with more text before its runbook, which is never cut off for it."""
    cut = summary.rfind(" Runbook: ")
    head, tail = (summary, "") if cut < 0 else (summary[:cut], summary[cut:])
    more = f" {text}"[: MOST_CHARACTERS - len(summary)] if text else ""
    return f"{head}{more}{tail}"


def fields_of(why: Why) -> dict[str, Any]:
    """Return the fields of an alert that explain it."""
    share = why.mix.share if why.mix else None
    return {
        "since_ms": why.since_ms,
        "usual": _float(why.usual),
        "usual_n": why.usual_n,
        "change": _float(why.change),
        "mix_share": _float(share),
        "is_mix": why.is_mix,
        "contributions": _contributions(why.contributions),
        "coincidences": [_coincidence(one) for one in why.coincidences],
    }


def text_of(why: Why, *, unit: str, counted: str) -> str:
    """Return what people read first; empty if nothing is known."""
    sentences = (_before(why, unit, counted), _parts(why), _mix(why), _around(why))
    return " ".join(sentence for sentence in sentences if sentence)


def _float(number: Fraction | None) -> float | None:
    return None if number is None else float(number)


def _contributions(parts: Sequence[Contribution]) -> list[dict[str, str]]:
    told: list[dict[str, str]] = []
    for _, group in groupby(parts, key=lambda part: part.dimension):
        same = list(group)
        points, shares = rounded([p.points for p in same], 1), rounded([p.share for p in same], 3)
        told += [
            {"dimension": p.dimension, "value": p.value, "points": point, "share": share, "n": str(p.n)}
            for p, point, share in zip(same, points, shares, strict=True)
        ]
    return told


def rounded(parts: Sequence[Fraction], digits: int) -> list[str]:
    """Return the parts as decimals that add up to their rounded sum.

    Example:
        >>> from fractions import Fraction
        >>> rounded([Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)], 1)
        ['0.3', '0.4', '0.3']
    """
    unit, running, given, told = 10**digits, Fraction(0), 0, []
    for part in parts:
        running += part
        reached = round(running * unit)
        told.append(_decimal(reached - given, digits))
        given = reached
    return told


def _decimal(units: int, digits: int) -> str:
    whole, rest = divmod(abs(units), 10**digits)
    return f"{'-' if units < 0 else ''}{whole}.{rest:0{digits}}"


def _coincidence(one: Coincidence) -> dict[str, str]:
    what = one.what
    return {
        "kind": what.kind, "name": what.name, "at": clock(what.at_ms), "where": place(what.where)[:_MOST_PLACE],
        "title": _title(what.title),
    }  # fmt: skip


def _title(words: str) -> str:
    """Return an operator's words on one line."""
    return " ".join(words.split())[:_MOST_TITLE]


def _before(why: Why, unit: str, counted: str) -> str:
    if why.usual is None or why.change is None:
        return ""
    return f"Before: {float(why.usual):.1f}{unit} ({why.usual_n} {counted}); change {float(why.change):+.1f}."


def _parts(why: Why) -> str:
    """Tell the largest named part of each dimension."""
    largest: dict[str, Contribution] = {}
    for part in why.contributions:
        if part.value != OTHER and part.share > 0:
            largest.setdefault(part.dimension, part)
    told = [f"{_words(p.dimension)} {p.value} {_percent(p.share)}" for p in largest.values()]
    return f"Contributes most: {', '.join(told)} of the change." if told else ""


def _mix(why: Why) -> str:
    if why.is_mix and why.mix is not None:
        names = " and ".join(_words(name) for name in why.mix.names)
        return f"This is a change of mix ({names}): the parts are as before."
    share = why.mix.share if why.mix else None
    return f"Mix explains {_percent(share)} of it." if share is not None and share >= Fraction(1, 10) else ""


def _around(why: Why) -> str:
    told = [_told(one) for one in why.coincidences[:3]]
    return f"Coincidences (not causes): {'; '.join(told)}." if told else ""


def _told(one: Coincidence) -> str:
    what = one.what
    where = place(what.where)
    title = f" ({_title(what.title)})" if what.title.strip() else ""
    return f"{what.kind} {what.name}{title} {clock(what.at_ms)}{' on ' + where if where else ''}"


def place(where: Mapping[str, str]) -> str:
    """Return a place in words; empty = everywhere.

    Example:
        >>> place({"service": "mail", "business_unit": "sales-1"})
        'business unit sales-1, service mail'
    """
    return ", ".join(f"{_words(name)} {value}" for name, value in sorted(where.items()))


def clock(at_ms: int) -> str:
    """Return an instant for people; whole seconds, UTC."""
    return datetime.fromtimestamp(at_ms // 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _percent(share: Fraction) -> str:
    return f"{round(100 * share)} %"
