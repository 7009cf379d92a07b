"""A consumer as xpulse's workers are, in a process of its own, and what it says."""

import base64
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

WITHIN_S = 60.0


@dataclass(frozen=True)
class Told:
    """A chunk as the agent got it, and where its consumer says that partitions were started."""

    partition: int
    generation: int
    first: int
    values: list[bytes | None]
    stamps: list[int]
    start_at: dict[int, int | None]
    member: str

    @property
    def end(self) -> int:
        return self.first + len(self.values)


class Reader:
    """A running reader; `read` waits for chunks, `commit` asks for `commit_exact`."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.chunks: list[Told] = []
        self._process = process
        self._log = log
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        assert process.stdout is not None
        threading.Thread(target=self._listen, args=(process.stdout,), daemon=True).start()

    def _listen(self, lines: IO[str]) -> None:
        for line in lines:
            self._lines.put(json.loads(line))

    def read(self, ends: Mapping[int, int], *, after: int = 0) -> None:
        """Wait until chunks came, not counting the first `after`, that reach up to an offset per partition."""
        deadline = time.monotonic() + WITHIN_S
        while not all(self._end(partition, after) >= end for partition, end in ends.items()):
            self._next("chunk", deadline)

    def _end(self, partition: int, after: int) -> int:
        return max((chunk.end for chunk in self.chunks[after:] if chunk.partition == partition), default=0)

    def records(self, partition: int) -> Iterator[tuple[int, bytes | None, int]]:
        """Return what came of a partition, in order: (offset, value, timestamp)."""
        for chunk in self.chunks:
            if chunk.partition == partition:
                yield from zip(range(chunk.first, chunk.end), chunk.values, chunk.stamps, strict=True)

    @property
    def generation(self) -> int:
        return self.chunks[-1].generation

    def send_commit(self, offsets: Mapping[int, int], generation: int, *, is_behind: bool = False) -> None:
        """Ask for a commit, if need be as one that has not heard of the newest generation; `committed` answers."""
        self._send({"commit": dict(offsets), "generation": generation, "is_behind": is_behind})

    def _send(self, command: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def share(self) -> list[int] | None:
        """Return the partitions that the group has given it; None while the group has not said."""
        self._send({"share": True})
        share: list[int] | None = self._next("share")["partitions"]
        return share

    def give_back(self) -> None:
        """Let it give back what it read and did not commit."""
        self._send({"give_back": True})
        self._next("given_back")

    def committed(self) -> bool:
        """Return the answer to the next commit that was asked for."""
        return bool(self._next("commit")["is_done"])

    def commit(self, offsets: Mapping[int, int], generation: int, *, is_behind: bool = False) -> bool:
        """Commit, and say whether it was done."""
        self.send_commit(offsets, generation, is_behind=is_behind)
        return self.committed()

    def _next(self, kind: str, deadline: float | None = None) -> dict[str, Any]:
        until = deadline or time.monotonic() + WITHIN_S
        while True:
            try:
                told = self._lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"the reader tells of no {kind}: {self._log.read_text()[-2000:]}")
            if told["kind"] == "chunk":
                self.chunks.append(_told(told))
            if told["kind"] == kind:
                return told

    @property
    def member(self) -> str:
        """Its name in the group."""
        return self.chunks[-1].member

    def end(self) -> None:
        """Ask it to end, and wait until it did."""
        self._process.terminate()
        assert self.exit_code() == 0, self.log()[-2000:]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def exit_code(self) -> int:
        """Wait until it ended by itself."""
        return self._process.wait(timeout=WITHIN_S)

    def log(self) -> str:
        return self._log.read_text()


def _told(line: Mapping[str, Any]) -> Told:
    values = [None if value is None else base64.b64decode(value) for value in line["values"]]
    start_at = {int(partition): offset for partition, offset in line["start_at"].items()}
    return Told(line["partition"], line["generation"], line["first"], values, line["stamps"], start_at, line["member"])


@contextmanager
def reading(bootstrap: str, group: str, topic: str, folder: Path, *, leaves_group: str = "yes") -> Iterator[Reader]:
    """Run a reader; it is gone at the end."""
    command = [sys.executable, "-m", "tests.kafka.reading_process", bootstrap, group, topic, str(folder), leaves_group]
    log = folder / f"{group}-{time.monotonic_ns()}.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            yield Reader(process, log)
        finally:
            process.kill()
