"""What nobody may do over HTTP, not even the writer."""

from itertools import islice, pairwise

from agents.local.clickhouse.errors import Code, refusal
from agents.local.clickhouse.lexer import tokens

_NAMES_WITHIN = 60  # tokens; the names of the tables that a statement changes come first


def check_change(text: str, *, is_control: bool) -> None:
    """Return if the writer may send `text`, a statement that does more than read.

    Args:
        text: The statement.
        is_control: Whether the engine classifies it as control: there `INTO OUTFILE` hides, which would write files
            of this machine.

    Raises:
        StatementError: `INTO OUTFILE`, or a table in the database `default`, which overlays the file system.
    """
    raw = text.encode()
    if is_control and any(token.is_word and token.text == b"OUTFILE" for token in tokens(raw)):
        raise refusal(Code.ACCESS_DENIED, "INTO OUTFILE is not allowed over HTTP.")
    for token, after in pairwise(islice(tokens(raw), _NAMES_WITHIN)):
        if token.text == b"DEFAULT" and after.text == b".":
            raise refusal(Code.ACCESS_DENIED, "The database default overlays the file system here; name another.")
