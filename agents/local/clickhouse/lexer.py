"""Cutting the writer's statements into tokens.

For routing and for catching mistakes of a trusted user. Statements of readers are cut by the engine (`guard.py`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

# Comments, strings, quoted identifiers, words, and any other single byte, as ClickHouse's lexer cuts them.
_TOKEN = re.compile(
    rb"""(?P<skip>\s+|--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^'\\]|\\.|'')*'|(?P<tag>\$\w*\$).*?(?P=tag))
    |(?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    |(?P<word>\w+)|(?P<sign>.)""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """One token at `[start, end)`.

    Attributes:
        text: In upper case; of a quoted identifier the name without quotes, of a string nothing.
    """

    kind: Literal["word", "quoted", "string", "sign", "end"]
    text: bytes
    start: int
    end: int

    def is_word(self, *texts: bytes) -> bool:
        """Say whether it is a bare word, and one of `texts` if any are given."""
        return self.kind == "word" and (not texts or self.text in texts)

    def is_name(self, text: bytes) -> bool:
        """Say whether it stands for the identifier `text`, quoted or not."""
        return self.kind in ("word", "quoted") and self.text == text

    def is_sign(self, text: bytes) -> bool:
        """Say whether it is this one-character sign."""
        return self.kind == "sign" and self.text == text


END = Token("end", b"", 0, 0)


def tokens(text: bytes) -> Iterator[Token]:
    """Yield the tokens of `text`, without white space and comments."""
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        match match.lastgroup:
            case "quoted":
                yield Token("quoted", match[0][1:-1].upper(), start, end)
            case "string":
                yield Token("string", b"", start, end)
            case "word":
                yield Token("word", match[0].upper(), start, end)
            case "sign":
                yield Token("sign", match[0], start, end)
