"""Cutting the writer's statements into tokens.

For routing and for catching mistakes of a trusted user. Statements of readers are cut by the engine (`guard.py`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Comments, strings, quoted identifiers, words, and any other single byte, as ClickHouse's lexer cuts them.
_TOKEN = re.compile(
    rb"""(?P<skip>\s+|--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^'\\]|\\.|'')*'|(?P<tag>\$\w*\$).*?(?P=tag))
    |(?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    |(?P<word>\w+)|(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """One token at `[start, end)`; `text` is in upper case and without identifier quotes."""

    text: bytes
    start: int
    end: int
    is_word: bool


END = Token(b"", 0, 0, False)


def tokens(text: bytes) -> Iterator[Token]:
    """Yield the tokens of `text`, without white space and comments."""
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "quoted":
            yield Token(match[0][1:-1].upper(), match.start(), match.end(), False)
        elif match.lastgroup != "skip":
            yield Token(match[0].upper(), match.start(), match.end(), match.lastgroup == "word")
