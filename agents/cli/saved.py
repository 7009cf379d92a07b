"""Saved questions: the files of `infra/queries`, with what they ask and what may be filled in.

A file begins with lines `-- key: text` (title, asks, question, read) and `-- param NAME TYPE = DEFAULT : meaning`; the
rest is one statement. The parameter `tenant` needs no line. Times may be given as 2026-03-01, as `now`, or as days
before, such as -30d, which begin at midnight (UTC).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agents.settings import ROOT
from streams.errors import ConfigError, TargetError
from streams.plan.truth import instant

FOLDER = ROOT / "infra" / "queries"
ROLES = ("country manager", "service owner", "CIO", "provider", "service desk")
KINDS = ("String", "DateTime('UTC')", "UInt16", "Float64")
DAY_S = 86_400

_HEADER = re.compile(r"-- (title|asks|question|read): (.+)")
_PARAM = re.compile(r"-- param ([a-z]+) (\S+) = (\S+) : (.+)")
_AGO = re.compile(r"-(\d{1,4})d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What may be filled in.

    Attributes:
        kind: ClickHouse type, one of `KINDS`.
    """

    name: str
    kind: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """One question.

    Attributes:
        asks: Who asks it, one of `ROLES`.
        read: How to read the answer.
        sql: One statement over the published views.
    """

    name: str
    title: str
    asks: str
    question: str
    read: str
    parameters: Sequence[Parameter]
    sql: str


def read_saved(folder: Path = FOLDER) -> dict[str, Saved]:
    """Return the saved questions by name, in the order of who asks them and of their names.

    Raises:
        ConfigError: A file lacks something; it names the file and what is allowed.
    """
    found = [_read(path) for path in sorted(folder.glob("*.sql"))]
    if not found:
        raise ConfigError(f"{folder}: no saved question; allowed: *.sql")
    return {one.name: one for one in sorted(found, key=lambda one: (ROLES.index(one.asks), one.name))}


def _read(path: Path) -> Saved:
    lines = path.read_text(encoding="utf-8").splitlines()
    head = [line for line in lines if line.startswith("-- ")]
    known = {match[1]: match[2] for line in head if (match := _HEADER.fullmatch(line))}
    parameters = [_parameter(path, match) for line in head if (match := _PARAM.fullmatch(line))]
    if len(known) != 4 or len(known) + len(parameters) != len(head):
        raise ConfigError(f"{path}: a line before the statement is not as in {__name__}: title, asks, question, read")
    if known["asks"] not in ROLES:
        raise ConfigError(f"{path}: asks is {known['asks']!r}; allowed: {', '.join(ROLES)}")
    sql = "\n".join(line for line in lines if not line.startswith("-- ")).strip()
    return Saved(name=path.stem, parameters=parameters, sql=sql, **known)


def _parameter(path: Path, match: re.Match[str]) -> Parameter:
    name, kind, default, meaning = match.groups()
    if kind not in KINDS:
        raise ConfigError(f"{path}: param {name} has the type {kind}; allowed: {', '.join(KINDS)}")
    return Parameter(name=name, kind=kind, default=default, meaning=meaning)


def pick(saved: Mapping[str, Saved], name: str) -> Saved:
    """Return one question.

    Raises:
        ConfigError: There is none of this name; it names those that are.
    """
    if name not in saved:
        raise ConfigError(f"--saved: there is no question {name!r}; allowed: {', '.join(saved)}")
    return saved[name]


def given(pairs: Iterable[str]) -> dict[str, str]:
    """Return what was said as key=value.

    Raises:
        ConfigError: Something else was said.

    Example:
        >>> given(["country=NO"])
        {'country': 'NO'}
    """
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name or not value:
            raise ConfigError(f"-p {pair!r}: allowed: key=value, such as country=NO")
        found[name] = value
    return found


def fill(question: Saved, said: Mapping[str, str], *, tenant: str, now_s: int) -> dict[str, str]:
    """Return the values of all parameters as ClickHouse takes them.

    Args:
        question: What is asked.
        said: Values that differ from the defaults.
        tenant: Whose figures, unless `said` names another.
        now_s: Time now, seconds since the epoch.

    Raises:
        ConfigError: Names the parameter and what is allowed.
    """
    known = {parameter.name: parameter for parameter in question.parameters}
    if unknown := sorted(said.keys() - known.keys() - {"tenant"}):
        raise ConfigError(
            f"-p {unknown[0]}: {question.name} has no such parameter; allowed: {', '.join(['tenant', *known])}"
        )
    values = {name: _value(one, said.get(name, one.default), now_s) for name, one in known.items()}
    return {"tenant": said.get("tenant", tenant), **values}


def _value(parameter: Parameter, text: str, now_s: int) -> str:
    if parameter.kind == "DateTime('UTC')":
        return datetime.fromtimestamp(_seconds(parameter.name, text, now_s), UTC).strftime("%Y-%m-%d %H:%M:%S")
    if parameter.kind == "UInt16" and not (text.isdecimal() and int(text) <= 65_535):
        raise ConfigError(f"-p {parameter.name}={text}: allowed: 0 to 65535")
    if parameter.kind == "Float64":
        try:
            return repr(float(text))
        except ValueError:
            raise ConfigError(f"-p {parameter.name}={text}: allowed: a number, such as 0.9") from None
    return text


def _seconds(name: str, text: str, now_s: int) -> int:
    if text == "now":
        return now_s
    if match := _AGO.fullmatch(text):
        return (now_s // DAY_S - int(match[1])) * DAY_S
    try:
        return instant(text, where=f"-p {name}") // 1000
    except TargetError as error:
        raise ConfigError(f"{error}, now or -30d") from None


def listed(saved: Mapping[str, Saved]) -> str:
    """Return all questions for people, by who asks them."""
    lines: list[str] = []
    for role in ROLES:
        mine = [one for one in saved.values() if one.asks == role]
        lines += [f"{role}:", *(f"  {one.name:<30} {one.question}" for one in mine), ""] if mine else []
    lines.append("One of them: xpulse sql --saved NAME [-p key=value …]; its parameters: --saved NAME --explain")
    return "\n".join(lines)


def explained(question: Saved) -> str:
    """Return what a question asks, how to read it, what may be filled in, and its statement."""
    parameters = [f"  -p {one.name}={one.default:<12} {one.meaning}" for one in question.parameters]
    return "\n".join([
        f"{question.title} ({question.asks})", question.question, "", question.read, "",
        "  -p tenant=…         Organisation; needed if there are several", *parameters, "", question.sql,
    ])  # fmt: skip


def documented(saved: Mapping[str, Saved]) -> str:
    """Return all questions as Markdown, for `docs/analysts.md` (`docs/examples/write_questions.py` puts them there)."""
    parts = []
    for role in ROLES:
        parts.append(f"### {role[0].upper()}{role[1:]}\n")
        parts += [
            f"**{one.question}** (`{one.name}`) {one.read}\n\n``` sql\n{one.sql}\n```\n"
            for one in saved.values()
            if one.asks == role
        ]
    return "\n".join(parts)


BEGIN, END = "<!-- saved questions: begin -->\n", "<!-- saved questions: end -->\n"


def write_page(page: Path) -> None:
    """Put the questions into a page, between its two marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{documented(read_saved())}\n{END}{after}", encoding="utf-8")
