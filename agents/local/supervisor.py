"""Starts parts in order, keeps them running, stops them without leaving anything behind.

One thread of its own owns every process, so that an interrupted caller cannot leave one half started. A part is
`waiting` (for its dependencies and its time), `starting` (until it answers), `ready`, `stopping` (to be restarted) or
`down`.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from agents.local import stale
from agents.local.lock import FolderLock
from agents.local.part import Part, layers
from agents.local.process import PartProcess, ending
from agents.local.runner import Patience, Runner, State
from streams.errors import XPulseError

EventKind = Literal["started", "ready", "died", "restarted", "gave_up", "stopped", "left_over"]
OnEvent = Callable[[str, EventKind, str], None]

_log = logging.getLogger(__name__)
_TICK_S = 0.05
_LOOK_S = 0.5
_KILLED_WITHIN_S = 10.0


class StartError(XPulseError):
    """A part that does not come up; the message ends with the last lines of its log."""


class Supervisor:
    """Runs parts until told to stop.

    Args:
        parts: What to run.
        log_dir: Folder for one log file per part; the one of the run before is kept as `NAME.log.1`.
        state_dir: The data folder's `run` folder: holds the lock.
        on_event: Told of everything that happens, from the supervisor's thread; should return at once.
        patience: When to try again.

    Attributes:
        restarts: Restarts per part.
        failed: Parts that were given up, with the reason.

    Raises:
        ConfigError: The parts contradict one another (raised at once), or the folder is in use (raised by `start`).
    """

    def __init__(
        self,
        parts: Iterable[Part],
        log_dir: Path,
        state_dir: Path,
        *,
        on_event: OnEvent | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._layers = layers(parts)
        self._log_dir = log_dir
        self._state_dir = state_dir
        self._on_event = on_event
        self._patience = patience or Patience()
        self._mark = stale.mark_of(state_dir)
        flat = [part for layer in self._layers for part in layer]
        self._runners = {part.name: Runner(part, log_dir / f"{part.name}.log") for part in flat}
        self.restarts = dict.fromkeys(self._runners, 0)
        self.failed: dict[str, str] = {}
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._lock: FolderLock | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # What callers may do, from any thread.

    def start(self) -> None:
        """Start all parts and return when every one answers; on any failure or interrupt nothing is left running.

        Raises:
            ConfigError: The folder is in use.
            StartError: A part ended or did not answer in time.
        """
        self._log_dir.mkdir(parents=True, exist_ok=True)
        self._state_dir.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(self._state_dir / "lock")
        try:
            self._clear_left_overs()
            self._thread = threading.Thread(target=self._run, name="supervisor")
            self._thread.start()
            self._wait_for_start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all parts, those that depend on others first; return when all are gone. May be called twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._lock is not None:
            self._lock.release()

    def state_of(self, name: str) -> State:
        """Return what part `name` is doing."""
        return self._runners[name].state

    def pid_of(self, name: str) -> int | None:
        """Return the process id of part `name`, None while it has none."""
        process = self._runners[name].process
        return process.pid if process else None

    def _wait_for_start(self) -> None:
        with self._changed:
            while not (self.failed or self._is_up()):
                self._changed.wait(_LOOK_S)
                if self._thread is not None and not self._thread.is_alive():
                    raise StartError("stopped during start")
        for name, reason in self.failed.items():
            raise StartError(f"{name}: {reason}")

    def _is_up(self) -> bool:
        return all(runner.has_been_ready for runner in self._runners.values())

    def _clear_left_overs(self) -> None:
        for pid in stale.end_left_over(self._mark):
            self._tell("supervisor", "left_over", f"ended process {pid} of an earlier run that was killed")

    # The supervisor's thread.

    def _run(self) -> None:
        for runner in self._runners.values():
            if runner.log.exists():
                runner.log.replace(runner.log.with_suffix(".log.1"))
        try:
            while not self._stop.wait(_TICK_S) and threading.main_thread().is_alive():
                for runner in self._runners.values():
                    self._step(runner)
        finally:
            self._stop_all()

    def _step(self, runner: Runner) -> None:
        process, now_s = runner.process, time.monotonic()
        if process is None:
            if runner.state == "waiting" and now_s >= runner.due_s and self._has_dependencies(runner.part):
                self._spawn(runner)
        elif (code := process.exit_code()) is not None:
            self._on_exit(runner, process, code)
        elif runner.state == "starting":
            self._await_answer(runner, process, now_s)
        elif runner.state == "stopping" and now_s >= runner.due_s:
            process.signal_group(signal.SIGKILL)

    def _has_dependencies(self, part: Part) -> bool:
        return all(self._runners[name].state == "ready" for name in part.depends_on)

    def _spawn(self, runner: Runner) -> None:
        part = runner.part
        env = {**os.environ, **part.env, stale.MARK: self._mark}
        runner.process = PartProcess(part.command, env, runner.log)
        runner.state, runner.due_s = "starting", time.monotonic() + part.ready_within_s
        runner.starts += 1
        if runner.starts == 1:
            self._tell(part.name, "started", f"process {runner.process.pid}")
        else:
            self.restarts[part.name] += 1
            self._tell(part.name, "restarted", f"process {runner.process.pid}, restart {self.restarts[part.name]}")

    def _await_answer(self, runner: Runner, process: PartProcess, now_s: float) -> None:
        if _answers(runner.part):
            runner.state, runner.ready_at_s, runner.has_been_ready = "ready", now_s, True
            self._tell(runner.part.name, "ready", f"process {process.pid}")
            if runner.restarts_dependants:
                runner.restarts_dependants = False
                self._restart_dependants(runner.part)
        elif now_s >= runner.due_s:
            process.end(_KILLED_WITHIN_S)
            self._fail(runner, process, f"did not answer within {runner.part.ready_within_s:g} s")

    def _restart_dependants(self, part: Part) -> None:
        for name in part.restart_dependants:
            runner = self._runners[name]
            if runner.process is not None and runner.state in ("starting", "ready"):
                runner.state, runner.due_s = "stopping", time.monotonic() + runner.part.grace_s
                runner.process.signal_group(signal.SIGTERM)

    def _on_exit(self, runner: Runner, process: PartProcess, code: int) -> None:
        process.signal_group(signal.SIGKILL)  # what it may have started
        if runner.state == "stopping":
            runner.process, runner.state, runner.due_s = None, "waiting", 0.0
            return
        runner.restarts_dependants = runner.has_been_ready
        self._fail(runner, process, ending(code))

    def _fail(self, runner: Runner, process: PartProcess, reason: str) -> None:
        now_s = time.monotonic()
        runner.failures = 1 if runner.is_stable(now_s, self._patience) else runner.failures + 1
        runner.process, runner.state = None, "waiting"
        self._tell(runner.part.name, "died", reason)
        if not runner.has_been_ready:
            self._give_up(
                runner, f"{reason} before it answered; the last lines of {runner.log}:\n{process.last_lines()}"
            )
        elif not runner.part.restart:
            self._give_up(runner, f"{reason}; it is not restarted")
        elif runner.failures >= self._patience.failures:
            self._give_up(runner, f"{reason}, for the {runner.failures}th time in a row\n{process.last_lines()}")
        else:
            wait_s = self._patience.first_wait_s * 2 ** (runner.failures - 1)
            runner.due_s = now_s + min(wait_s, self._patience.longest_wait_s)

    def _give_up(self, runner: Runner, reason: str) -> None:
        runner.state = "down"
        self.failed[runner.part.name] = reason
        self._tell(runner.part.name, "gave_up", reason)

    def _stop_all(self) -> None:
        for layer in reversed(self._layers):
            running = [runner for part in layer if (runner := self._runners[part.name]).process is not None]
            for runner in running:
                _ask_to_end(runner)
            for runner in running:
                self._end(runner)

    def _end(self, runner: Runner) -> None:
        process = runner.process
        assert process is not None, "only running parts are ended"
        while process.exit_code() is None and time.monotonic() < runner.due_s:
            time.sleep(_TICK_S / 5)
        is_forced = process.exit_code() is None
        code = process.end(_KILLED_WITHIN_S)
        runner.process, runner.state = None, "down"
        self._tell(runner.part.name, "stopped", ending(code) + (" after the grace period" if is_forced else ""))

    def _tell(self, name: str, kind: EventKind, detail: str) -> None:
        with self._changed:
            self._changed.notify_all()
        if self._on_event is None:
            return
        try:
            self._on_event(name, kind, detail)
        except Exception:  # noqa: BLE001 - a view that fails must not end what it looks at
            _log.exception("event_not_shown")


def _answers(part: Part) -> bool:
    try:
        return part.is_ready()
    except Exception:  # noqa: BLE001 - a check that fails means: not yet; the deadline tells
        _log.debug("readiness_check_failed", extra={"part": part.name}, exc_info=True)
        return False


def _ask_to_end(runner: Runner) -> None:
    assert runner.process is not None, "only running parts are ended"
    runner.due_s = time.monotonic() + runner.part.grace_s
    runner.process.signal_group(signal.SIGTERM)
