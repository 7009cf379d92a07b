"""A part that cannot be read: as a merge leaves it that ran into a full disk."""

from pathlib import Path
from uuid import UUID

import pytest

from agents.local.clickhouse.errors import StatementError
from agents.local.clickhouse.unreadable import unreadable_table
from tests.agents.local.clickhouse.conftest import embedded_target
from tests.agents.local.services import running_clickhouse

pytestmark = pytest.mark.integration

PARTS = "SELECT path FROM system.parts WHERE database = 'xpulse' AND table = 'merged' AND active"
TOTAL = "SELECT count(), sum(n) FROM xpulse.merged FINAL"


def test_a_merged_part_without_its_marks_is_set_aside_for_what_it_was_merged_from(tmp_path: Path) -> None:
    with running_clickhouse(tmp_path) as server:
        writer = embedded_target(server).writer
        writer.run("CREATE TABLE xpulse.merged (k UInt32, n UInt32) ENGINE = ReplacingMergeTree ORDER BY k")
        for first in range(3):
            writer.run(f"INSERT INTO xpulse.merged SELECT number + {500 * first}, 1 FROM numbers(1000)")
        writer.run("OPTIMIZE TABLE xpulse.merged FINAL")
        [(path,)] = writer.rows(PARTS)
        [marks] = Path(path).glob("data.cmrk*")
        marks.write_bytes(b"")
        told = writer.ask(TOTAL)
        assert (told.status_code, "CORRUPTED_DATA" in told.text) == (500, True)
        assert [tuple(row) for row in writer.rows(TOTAL)] == [("2000", "2000")]


def test_a_text_that_only_looks_like_it_touches_no_table() -> None:
    forged = "Code: 33. (while reading from part /a/ in table xpulse.merged (merged) located on disk"
    assert unreadable_table(StatementError(33, forged)) is None
    assert unreadable_table(StatementError(62, forged.replace("(merged)", f"({UUID(int=9)})"))) is None
