"""No public view tells by an error of a row that it leaves out.

ClickHouse may evaluate a reader's condition before the WHERE of a view. So rows that must stay hidden are written, each
with a mark on every column, and every column of every view is asked whether it ever had it, by a condition that throws.
"""

from collections.abc import Iterable, Iterator, Mapping

import pytest

from agents.warehouse.client import Warehouse, WarehouseError
from agents.warehouse.migrate import public_of, read_migrations, write_profile
from streams.profile import STANDARD
from tests.agents.warehouse.test_migrate import VIEWS, WITH_PARAMETERS

pytestmark = pytest.mark.integration

DAY_S = 1_780_272_000  # 2026-06-01
DAY_MS, LATER_MS = 1000 * DAY_S, 1000 * (DAY_S + 2 * 86_400)
WORD, NUMBER = "hidden", 424_242
THROWN = 395  # the error of throwIf
TEXTS = ("country", "site", "business_unit", "service", "channel", "assignment_group", "touchpoint")
PLACES = ("country", "site", "business_unit", "service", "application", "device_model", "os_version")
MAY_SHOW = {"tenant", "metric"}  # of which it is known anyway that they are there
PRUNE_BY = {"telemetry": {"service"}, "telemetry_15m": {"service"}, "telemetry_1d": {"service"}}  # see migration 0026


def write(store: Warehouse, table: str, *rows: Mapping[str, object]) -> None:
    """Write rows at once, so that they lie side by side in one part: apart, they might be skipped unread."""
    store.insert_rows(table, tuple(rows[0]), [list(row.values()) for row in rows])


@pytest.fixture
def hiding(store: Warehouse) -> Warehouse:
    """One published row of each kind, and beside it one that is not."""
    both = [("marked", "DE", 7), ("stray", WORD, NUMBER)]
    write(store, "release_blocks", *(_block(*row) for row in both))
    write(store, "release_bundles", *(_bundle(*row) for row in both))
    for table in ("release_marks", "release_bundle_marks"):
        write(store, table, {"tenant": "t", "epoch": DAY_MS, "run": "marked"})
    write(store, "tickets", *_tickets(9, "DE"), *_tickets(2, WORD))
    windows = [_window(range(9), "DE", 7), _window(range(2), WORD, NUMBER)]
    for table in ("sealed_60s", "sealed_15m", "sealed_1d"):
        write(store, table, *({**row, "period_start": DAY_S, "window_start": DAY_S, "seal": 1} for row in windows))
    write(store, "tiles", *({**row, "window_start": DAY_S + 86_400, "hi": 1} for row in windows))
    generation = STANDARD.generation
    write(
        store,
        "seals",
        {"profile": STANDARD.name, "period_s": 86_400, "period_start": DAY_S, "generation": generation, "seal": 1},
    )
    write(store, "tile_audit", {"generation": generation, "partitions": 1, "hi": 1, "arrival": LATER_MS})
    write(store, "records_progress", {"partitions": 1, "hi": 1, "arrival": LATER_MS})
    with store.lend() as client:
        write_profile(client, store.address.database, STANDARD, now_ms=1)
    return store


def _block(run: str, text: str, number: int) -> Mapping[str, object]:
    counts = dict.fromkeys(("n", "detractors", "neutrals", "promoters"), number)
    return {"tenant": "t", "epoch": DAY_MS, "run": run, "block": text, **dict.fromkeys(TEXTS, text), **counts}


def _bundle(run: str, text: str, number: int) -> Mapping[str, object]:
    lists = {name: [number] for name in ("scores", "lost_sums", "lost_bands")}
    labels = {"bundle": text, **dict.fromkeys(TEXTS, text)}
    return {"tenant": "t", "epoch": DAY_MS, "run": run, **labels, "n": number, "lost_n": number, **lists,
            "factors": {text: number}}  # fmt: skip


def _tickets(people: int, text: str) -> Iterator[Mapping[str, object]]:
    for number in range(people):
        yield {"tenant": "t", "ticket_id": f"{text}{number}", "version": 1, "kind": "closed", "made_sla": 1,
               "person": f"p{number}", "log_time": DAY_MS, "country": text, "service": text}  # fmt: skip


def _window(devices: Iterable[int], text: str, number: int) -> Mapping[str, object]:
    return {
        "tenant": "t", "metric": "m", "generation": STANDARD.generation, **dict.fromkeys(PLACES, text), "window_s": 60,
        "n": number, "sum": 1000 * number, "min": 1000 * number, "max": 1000 * number, "good_ms": number,
        "attempted_ms": number, "hist_bucket": [number], "hist_count": [number], "devices": list(devices),
    }  # fmt: skip


def calls() -> Iterator[str]:
    """The public views that are made of rows of which some stay hidden, as they are read."""
    yield from sorted(
        VIEWS
        - {
            "targets",
            "target_versions",
            "verdicts",
            "target_status",
            "alerts",
            "alert_history",
            "deliveries",
            "changes",
        }
    )
    for view, parameters in WITH_PARAMETERS.items():
        yield f"{view}({parameters})"


def leaks(store: Warehouse, call: str) -> bool:
    """Say whether a condition that throws finds a hidden row by any column of a view."""
    where = f"{public_of(store.address.database)}.{call}"
    silent = MAY_SHOW | PRUNE_BY.get(call, set())
    columns = [row[:2] for row in store.ask(f"DESCRIBE (SELECT * FROM {where})")]
    asked = [f"throwIf(ifNull({_is_marked(*column)}, 0)) = 0" for column in columns if column[0] not in silent]
    try:
        store.ask(f"SELECT count() FROM {where} WHERE {' AND '.join(asked)}")
    except WarehouseError as error:
        if error.code != THROWN:
            raise
        return True
    return False


def _is_marked(column: str, kind: str) -> str:
    """Return a condition as cheap as can be: costly ones are asked of rows that are left, and find nothing."""
    mark = f"'{WORD}'" if "String" in kind else str(NUMBER)
    if kind.startswith("Array(Map"):
        return f"length({column}) = {NUMBER}"
    if kind.startswith("Array"):
        return f"has({column}, {mark})"
    if kind.startswith("Map"):
        return f"mapContains({column}, '{WORD}')"
    return f"toUnixTimestamp({column}) = {NUMBER}" if "DateTime" in kind else f"{column} = {mark}"


def test_no_view_tells_of_a_hidden_row_by_an_error(hiding: Warehouse) -> None:
    assert [call for call in calls() if leaks(hiding, call)] == []


def test_what_is_published_is_there_and_nothing_else(hiding: Warehouse) -> None:
    public = public_of(hiding.address.database)
    for view in ("feedback_released", "feedback_details", "sla", "telemetry", "telemetry_15m", "telemetry_1d"):
        assert hiding.ask(f"SELECT DISTINCT country FROM {public}.{view}") == [("DE",)]


@pytest.mark.parametrize(("view", "number"), [("feedback_released", 7), ("feedback_details", 17), ("sla", 15)])
def test_the_question_finds_rows_that_a_view_only_leaves_out(hiding: Warehouse, view: str, number: int) -> None:
    """The views as they once were, with no more than a WHERE."""
    statements = read_migrations()[number - 1].statements(hiding.address.database)
    [once] = [statement for statement in statements if f".{view}\n" in statement.split("(")[0] + "\n"]
    hiding.command(once.replace(f".{view}", ".once", 1))
    try:
        assert leaks(hiding, "once")
    finally:
        hiding.command(f"DROP VIEW {public_of(hiding.address.database)}.once")
