"""Which table an error calls unreadable.

The engine may end a merge on a full disk as if everything had been written, and then cannot read what it merged. What
it was merged from is kept for some minutes. When a table is loaded again, the engine checks the size of every file,
sets the broken part aside and takes those instead.
"""

import re

from agents.local.clickhouse.errors import StatementError

CODES = frozenset({33, 40, 226, 228, 246})
"""CANNOT_READ_ALL_DATA, CHECKSUM_DOESNT_MATCH, NO_FILE_IN_DATA_PART, BAD_SIZE_OF_FILE_IN_DATA_PART, CORRUPTED_DATA."""

_TABLE = re.compile(r"while reading from part [^)]* in table (\w+\.\w+) \(")


def unreadable_table(error: StatementError) -> str | None:
    """Return `database.table` if the error says that one of its parts cannot be read, else None.

    Example:
        >>> text = "Empty marks file: (while reading from part /a/all_1_6_3/ in table xpulse.tiles (9-1) located on"
        >>> unreadable_table(StatementError(246, text))
        'xpulse.tiles'
    """
    found = _TABLE.search(error.message) if error.code in CODES else None
    return found[1] if found else None
