"""SIGKILL during inserts: every acknowledged row is there after a restart on the same folder."""

import threading
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.agents.local.clickhouse.conftest import embedded_target
from tests.agents.local.clickhouse.target import Account
from tests.agents.local.services import running_clickhouse, wait_until

pytestmark = pytest.mark.integration

TABLE = "CREATE TABLE IF NOT EXISTS xpulse.kept (w UInt8, b UInt32, r UInt32) ENGINE = MergeTree ORDER BY b"
BATCH = 50
WRITERS = 3


class Writer(threading.Thread):
    """Inserts numbered batches until the server is gone; keeps what was acknowledged."""

    def __init__(self, account: Account, number: int, first: int) -> None:
        super().__init__()
        self._account = account
        self._number = number
        self.sent = first
        self.acknowledged: list[int] = []

    def run(self) -> None:
        while True:
            batch = self.sent
            self.sent += 1
            data = "".join(f"{self._number},{batch},{row}\n" for row in range(BATCH)).encode()
            try:
                reply = self._account.ask(data, query="INSERT INTO xpulse.kept FORMAT CSV")
            except httpx.HTTPError:
                return
            if reply.status_code != 200:
                return
            self.acknowledged.append(batch)


def _have_all_written(writers: list[Writer]) -> bool:
    return all(len(writer.acknowledged) >= 15 for writer in writers)


def test_sigkill_loses_no_acknowledged_row(tmp_path: Path) -> None:
    acknowledged: list[tuple[int, int]] = []
    sent = [0] * WRITERS
    for killed in range(4):
        with running_clickhouse(tmp_path, password="the-same-each-time") as server:
            target = embedded_target(server)
            target.writer.run(TABLE)
            rows = target.writer.rows("SELECT w, b, count(), uniqExact(r) FROM xpulse.kept GROUP BY w, b")
            found = {(int(w), int(b)): (int(n), int(different)) for w, b, n, different in rows}
            assert set(acknowledged) <= set(found), f"lost after kill {killed}"
            # A batch is one part: there whole or not at all, and nothing was made up.
            assert set(found.values()) <= {(BATCH, BATCH)}
            assert all(batch < sent[writer] for writer, batch in found)
            writers = [Writer(target.writer, number, sent[number]) for number in range(WRITERS)]
            for writer in writers:
                writer.start()
            wait_until(partial(_have_all_written, writers), "some inserts")
            server.kill()
            for number, writer in enumerate(writers):
                writer.join()
                sent[number] = writer.sent
                acknowledged += [(number, batch) for batch in writer.acknowledged]
    assert len(acknowledged) >= 3 * WRITERS * 15
