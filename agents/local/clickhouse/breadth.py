"""How much a statement makes the engine plan, told before it plans: no limit of time or memory surely ends planning.

A name that is defined once and used twice is planned twice, so definitions that use each other double at each step:
eight of them over one view took half a minute against a limit of three seconds, sixteen lambdas more than four minutes.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

MAX_PARTS = 64
"""Relations and lambdas that a statement may come to, each counted as often as it is used."""

_MAX_NAMES = 500
_BEGIN = frozenset({"WITH", "SELECT", "FROM", "JOIN", "WHERE", "PREWHERE", "HAVING", "BY", "QUALIFY", "RECURSIVE"})


class Word(Protocol):
    """One token: its text, and the identifier that it stands for, or empty."""

    @property
    def text(self) -> str: ...

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class _Definition:
    """A name that stands for some tokens, and what it counts beside what they count."""

    name: str
    names: tuple[str, ...]
    own: int


def parts(words: Sequence[Word], relations: Collection[str]) -> int:
    """Return how many relations and lambdas a statement comes to when all names are put in; `MAX_PARTS + 1` = too many.

    Args:
        words: Its tokens, as the engine's formatter writes it.
        relations: Names of tables and views that it may mean.
    """
    known = _Definitions(_definitions(words), relations)
    return known.add(0, _used(words, 0, len(words)))


def _used(words: Sequence[Word], start: int, end: int) -> tuple[str, ...]:
    """Return the names that some tokens use, without those that they define and those before a dot."""
    return tuple(words[at].name for at in range(start, end) if words[at].name and not _is_other(words, at))


def _is_other(words: Sequence[Word], at: int) -> bool:
    before = words[at - 1].text if at else ""
    after = [word.text for word in words[at + 1 : at + 3]]
    return before == "AS" or after[:1] == ["."] or after in (["AS", "("], ["AS", "MATERIALIZED"])


class _Definitions:
    """What each name counts; definitions may stand in any order, and one that uses itself is not followed."""

    def __init__(self, definitions: Iterator[_Definition], relations: Collection[str]) -> None:
        self._of: dict[str, list[_Definition]] = {}
        self._weights: dict[str, int] = dict.fromkeys(relations, 1)
        for one in definitions:
            self._of.setdefault(one.name, []).append(one)
        self._is_too_much = len(self._of) > _MAX_NAMES

    def add(self, start: int, names: Iterator[str] | Sequence[str]) -> int:
        total = MAX_PARTS + 1 if self._is_too_much else start
        for name in names:
            if total > MAX_PARTS:
                break
            total += self._weight(name)
        return min(total, MAX_PARTS + 1)

    def _weight(self, name: str) -> int:
        definitions = self._of.pop(name, [])  # while it is counted, it counts what is known so far
        for one in definitions:
            self._weights[name] = max(self._weights.get(name, 0), self.add(one.own, one.names))
        return self._weights.get(name, 0)


def _definitions(words: Sequence[Word]) -> Iterator[_Definition]:
    """Yield what `expression AS name` and `name AS (query)` define, wherever they stand."""
    begun = [0]  # where the expression at hand began, for each open bracket
    opened: list[int] = []
    for at, word in enumerate(words):
        if word.text == "(":
            opened.append(at)
            begun.append(at + 1)
        elif word.text == ")" and opened:
            begun.pop()
            yield from _common_table(words, opened.pop(), at)
        elif word.text == "," or word.text in _BEGIN:
            begun[-1] = at + 1
        elif word.text == "AS" and at + 1 < len(words) and words[at + 1].name:
            yield _definition(words, words[at + 1].name, begun[-1], at)


def _common_table(words: Sequence[Word], start: int, end: int) -> Iterator[_Definition]:
    named = start - 2 if words[start - 1].text == "AS" else start - 3
    if start >= 2 and named >= 0 and words[named + 1].text == "AS" and words[named].name:
        yield _definition(words, words[named].name, start, end, own=1)


def _definition(words: Sequence[Word], name: str, start: int, end: int, own: int = 0) -> _Definition:
    is_lambda = any(word.text == "->" for word in words[start:end])
    return _Definition(name, _used(words, start, end), max(own, int(is_lambda)))
