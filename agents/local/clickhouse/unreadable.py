"""Which table an error calls unreadable.

The engine may end a merge on a full disk as if everything had been written, and then cannot read what it merged. What
it was merged from is kept for some minutes. When a table is loaded again, the engine checks the size of every file,
sets the broken part aside and takes those instead.

The table is taken from its id: the text of an error may repeat what a reader wrote, and no reader knows the ids.
"""

import re
from uuid import UUID

from agents.local.clickhouse.errors import StatementError

CODES = frozenset({33, 40, 226, 228, 246})
"""CANNOT_READ_ALL_DATA, CHECKSUM_DOESNT_MATCH, NO_FILE_IN_DATA_PART, BAD_SIZE_OF_FILE_IN_DATA_PART, CORRUPTED_DATA."""

_TABLE = re.compile(r"while reading from part [^)]* in table [^)]* \(([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\)")


def unreadable_table(error: StatementError) -> UUID | None:
    """Return the id of the table if the error says that one of its parts cannot be read, else None.

    Example:
        >>> text = "(while reading from part /a/all_1_6_3/ in table xpulse.tiles (00000000-0000-0000-0000-000000000009)"
        >>> unreadable_table(StatementError(246, text))
        UUID('00000000-0000-0000-0000-000000000009')
    """
    found = _TABLE.search(error.message) if error.code in CODES else None
    return UUID(found[1]) if found else None
