"""SQL in the documents runs as it stands, on the migrated warehouse."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.warehouse.client import Client, ask, connect
from agents.warehouse.migrate import apply
from tests.agents.local.services import ClickHouse

ROOT = Path(__file__).resolve().parents[1]
DATABASE = "documents"

pytestmark = pytest.mark.integration


def sql_blocks() -> list[tuple[str, str]]:
    """(document, statement) for each block marked `sql`."""
    pages = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    blocks = [(page, re.findall(r"^```sql\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)) for page in pages]
    return [(page.relative_to(ROOT).as_posix(), block) for page, found in blocks for block in found]


@pytest.fixture(scope="module")
def client(clickhouse: ClickHouse) -> Iterator[Client]:
    client = connect(clickhouse.host, clickhouse.port, clickhouse.user, clickhouse.password, "xpulse_pub")
    assert list(apply(client, DATABASE))
    yield client
    client.close()


def test_there_are_statements() -> None:
    assert len(sql_blocks()) >= 5


@pytest.mark.parametrize(("document", "sql"), sql_blocks())
def test_statement_runs(client: Client, document: str, sql: str) -> None:
    ask(client, sql.replace("xpulse_pub.", f"{DATABASE}_pub."))
