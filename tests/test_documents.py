"""What the documents show works: SQL runs as it stands, examples are accepted, commands exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from agents.cli import app
from agents.gateway.directory_rows import KINDS, Fault, Row, parse
from agents.warehouse.client import Client, ask, connect
from agents.warehouse.migrate import apply
from streams.targets import read_target_file
from tests.agents.local.services import ClickHouse

ROOT = Path(__file__).resolve().parents[1]
DATABASE = "documents"


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


@pytest.mark.integration
@pytest.mark.parametrize(("document", "sql"), sql_blocks())
def test_statement_runs(client: Client, document: str, sql: str) -> None:
    for statement in filter(None, map(str.strip, sql.split(";\n"))):
        ask(client, statement.replace("xpulse_pub.", f"{DATABASE}_pub.").rstrip(";"))


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]


def test_the_example_of_a_target_can_be_judged() -> None:
    block = re.search(r"^```yaml\n(id: ([a-z-]+)\n.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    assert read_target_file(block.group(1), source=f"{block.group(2)}.yaml").objective == 60


def test_the_example_of_a_directory_names_places_for_every_kind() -> None:
    text = (ROOT / "docs" / "examples" / "directory.csv").read_text()
    rows = [row for _, row in parse(text.splitlines())]
    assert [row for row in rows if isinstance(row, Fault)] == []
    assert {row.kind for row in rows if isinstance(row, Row)} == set(KINDS)


def test_every_command_that_is_named_exists() -> None:
    named = {tuple(found.split()) for page in pages() for found in re.findall(r"\bxpulse((?: [a-z]+)+)", code(page))}
    assert len(named) > 5
    assert [words for words in named if not exists(words)] == []


def code(page: Path) -> str:
    """Return the parts of a page that are set as code."""
    text = page.read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join(
        [*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))]
    )


def exists(words: tuple[str, ...]) -> bool:
    """Say whether the leading words name a command; what follows are its arguments."""
    here: object = get_command(app)
    for word in words:
        commands = getattr(here, "commands", None)
        if commands is None:
            return True
        if word not in commands:
            return False
        here = commands[word]
    return True
