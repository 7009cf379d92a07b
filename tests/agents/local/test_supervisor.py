"""The supervisor on tiny scripts: crash loops, deaf parts, parts that never answer, killed supervisors."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.local.part import Part
from agents.local.runner import Patience
from agents.local.stale import left_over, mark_of
from agents.local.supervisor import StartError, Supervisor
from streams.errors import ConfigError
from tests.agents.local.services import wait_until

pytestmark = pytest.mark.integration

Event = tuple[str, str, str]
FAST = Patience(first_wait_s=0.05, longest_wait_s=0.2, failures=4, stable_after_s=60.0)


class Stage:
    """A folder with scripts as parts, and everything that the supervisor told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []

    def part(
        self,
        name: str,
        script: str = "",
        *,
        depends_on: tuple[str, ...] = (),
        restart_dependants: tuple[str, ...] = (),
        restart: bool = True,
        ready_within_s: float = 20.0,
        grace_s: float = 5.0,
        is_ready: Callable[[], bool] | None = None,
    ) -> Part:
        """Return a part that runs `script`, then says it is up and sleeps; it is ready when its file says so."""
        file = self.folder / f"{name}.py"
        up = f"import os, pathlib, time\npathlib.Path({str(self._up(name))!r}).write_text(str(os.getpid()))\n"
        file.write_text(textwrap.dedent(script) + "\n" + up + "while True: time.sleep(0.05)\n")
        return Part(
            name=name,
            command=[sys.executable, "-I", str(file)],
            is_ready=is_ready or (lambda: self.up_pid(name) is not None and _lives(self.up_pid(name))),
            depends_on=depends_on,
            restart_dependants=restart_dependants,
            restart=restart,
            ready_within_s=ready_within_s,
            grace_s=grace_s,
        )

    def _up(self, name: str) -> Path:
        return self.folder / f"{name}.up"

    def up_pid(self, name: str) -> int | None:
        try:
            return int(self._up(name).read_text())
        except (OSError, ValueError):
            return None

    def supervisor(self, *parts: Part, patience: Patience = FAST) -> Supervisor:
        return Supervisor(parts, self.folder / "logs", self.folder / "run", on_event=self._note, patience=patience)

    def _note(self, name: str, kind: str, detail: str) -> None:
        self.events.append((name, kind, detail))

    def kinds(self, name: str) -> list[str]:
        return [kind for part, kind, _ in self.events if part == name]

    def details(self, name: str, kind: str) -> list[str]:
        return [detail for part, found, detail in self.events if (part, found) == (name, kind)]

    @contextmanager
    def running(self, *parts: Part, patience: Patience = FAST) -> Iterator[Supervisor]:
        with self.supervisor(*parts, patience=patience) as supervisor:
            yield supervisor
        assert left_over(mark_of(self.folder / "run")) == []


def _lives(pid: int | None) -> bool:
    """Say whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _kill(supervisor: Supervisor, name: str) -> int:
    pid = supervisor.pid_of(name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def _is_back(supervisor: Supervisor, name: str, restarts: int) -> Callable[[], bool]:
    return lambda: supervisor.restarts[name] == restarts and supervisor.state_of(name) == "ready"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Interrupt this process, also where it was started in the background, with interrupts ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class TestStart:
    def test_parts_start_after_what_they_depend_on(self, stage: Stage) -> None:
        parts = [
            stage.part("worker", depends_on=("broker", "store")),
            stage.part("broker"),
            stage.part("store", depends_on=("broker",)),
        ]
        with stage.running(*parts):
            happened = [(name, kind) for name, kind, _ in stage.events]
        for before, after in [("broker", "store"), ("broker", "worker"), ("store", "worker")]:
            assert happened.index((before, "ready")) < happened.index((after, "started"))

    def test_parts_stop_before_what_they_depend_on(self, stage: Stage) -> None:
        with stage.running(stage.part("broker"), stage.part("worker", depends_on=("broker",))):
            pass
        assert [name for name, kind, _ in stage.events if kind == "stopped"] == ["worker", "broker"]

    def test_a_part_that_ends_before_it_answers_fails_the_start_and_shows_its_log(self, stage: Stage) -> None:
        bad = stage.part("bad", "import sys\nprint('port 80: permission denied')\nsys.exit(3)")
        with pytest.raises(StartError, match=r"(?s)bad: exit code 3.*port 80: permission denied"):
            stage.supervisor(stage.part("good"), bad).start()
        assert not _lives(stage.up_pid("good"))

    def test_a_part_that_never_answers_fails_the_start_at_its_deadline(self, stage: Stage) -> None:
        deaf = stage.part("deaf", "print('waiting for godot', flush=True)", is_ready=lambda: False, ready_within_s=1.0)
        with pytest.raises(StartError, match=r"(?s)deaf: did not answer within 1 s.*waiting for godot"):
            stage.supervisor(deaf).start()
        assert not _lives(stage.up_pid("deaf"))

    def test_a_check_that_raises_counts_as_not_yet(self, stage: Stage) -> None:
        asked: list[int] = []

        def check() -> bool:
            asked.append(1)
            if len(asked) < 3:
                raise ConnectionError
            return True

        with stage.running(stage.part("slow", is_ready=check)):
            assert len(asked) == 3

    def test_a_command_that_does_not_exist_is_named(self, stage: Stage) -> None:
        part = Part(name="ghost", command=["no-such-program"], is_ready=lambda: False)
        with pytest.raises(StartError, match="cannot run no-such-program"):
            stage.supervisor(part).start()

    def test_an_interrupt_during_start_leaves_nothing(self, stage: Stage) -> None:
        deaf = stage.part("deaf", is_ready=lambda: False)
        supervisor = stage.supervisor(stage.part("good"), deaf)
        with interrupted_after(1.0), pytest.raises(KeyboardInterrupt):
            supervisor.start()
        assert stage.up_pid("good") is not None
        assert left_over(mark_of(stage.folder / "run")) == []

    def test_the_log_of_the_run_before_is_kept(self, stage: Stage) -> None:
        for number in (1, 2):
            with stage.running(stage.part("a", f"print('run {number}', flush=True)")):
                pass
        assert "run 2" in (stage.folder / "logs" / "a.log").read_text()
        assert "run 1" in (stage.folder / "logs" / "a.log.1").read_text()

    def test_environment_is_added_to_the_supervisors(self, stage: Stage) -> None:
        file = stage.folder / "seen"
        script = f"import os\nopen({str(file)!r}, 'w').write(os.environ['GIVEN'] + str('PATH' in os.environ))"
        part = stage.part("a", script)
        part = Part(name="a", command=part.command, is_ready=part.is_ready, env={"GIVEN": "yes"})
        with stage.running(part):
            assert file.read_text() == "yesTrue"


class TestRestart:
    def test_a_killed_part_comes_back_and_is_counted(self, stage: Stage) -> None:
        with stage.running(stage.part("a"), stage.part("b")) as supervisor:
            first = _kill(supervisor, "a")
            wait_until(_is_back(supervisor, "a", 1), "restart", within_s=20)
            assert supervisor.pid_of("a") != first
            assert supervisor.restarts == {"a": 1, "b": 0}
        assert stage.kinds("a") == ["started", "ready", "died", "restarted", "ready", "stopped"]
        assert stage.details("a", "died") == ["killed by SIGKILL"]
        assert stage.kinds("b") == ["started", "ready", "stopped"]

    def test_a_crash_loop_is_given_up_and_the_rest_goes_on(self, stage: Stage) -> None:
        flag = stage.folder / "broken"
        script = f"import pathlib, sys\nif pathlib.Path({str(flag)!r}).exists(): sys.exit('the disk is full')"
        with stage.running(stage.part("a", script), stage.part("b")) as supervisor:
            flag.touch()
            _kill(supervisor, "a")
            wait_until(lambda: "a" in supervisor.failed, "giving up", within_s=30)
            assert supervisor.state_of("b") == "ready"
        assert stage.kinds("a").count("died") == FAST.failures
        assert "the disk is full" in supervisor.failed["a"]

    def test_a_part_that_shall_not_restart_does_not(self, stage: Stage) -> None:
        with stage.running(stage.part("once", restart=False)) as supervisor:
            _kill(supervisor, "once")
            wait_until(lambda: "once" in supervisor.failed, "giving up", within_s=20)
            assert supervisor.restarts["once"] == 0

    def test_a_restarted_part_that_does_not_answer_is_tried_again(self, stage: Stage) -> None:
        answers = [True]
        part = stage.part("a", is_ready=lambda: answers[0], ready_within_s=0.5)
        with stage.running(part) as supervisor:
            answers[0] = False
            _kill(supervisor, "a")
            wait_until(lambda: supervisor.restarts["a"] >= 2, "a second try", within_s=20)
            answers[0] = True
            wait_until(lambda: supervisor.state_of("a") == "ready", "an answer", within_s=20)
        assert "did not answer within 0.5 s" in stage.details("a", "died")

    def test_named_dependants_are_restarted_after_it_answers_and_others_are_not(self, stage: Stage) -> None:
        parts = [
            stage.part("broker", restart_dependants=("gateway", "worker")),
            stage.part("gateway", depends_on=("broker",)),
            stage.part("worker", depends_on=("gateway",)),
            stage.part("front", depends_on=("broker",)),
        ]
        with stage.running(*parts) as supervisor:
            front = supervisor.pid_of("front")
            _kill(supervisor, "broker")
            for name in ("broker", "gateway", "worker"):
                wait_until(_is_back(supervisor, name, 1), f"restart of {name}", within_s=30)
            assert supervisor.pid_of("front") == front
            assert supervisor.restarts == {"broker": 1, "gateway": 1, "worker": 1, "front": 0}
        told = [(name, kind) for name, kind, _ in stage.events]
        back = len(told) - 1 - told[::-1].index(("broker", "ready"))
        assert told.index(("gateway", "restarted")) > back
        assert stage.kinds("gateway").count("died") == 0

    def test_dependants_of_a_part_that_does_not_name_them_stay_up(self, stage: Stage) -> None:
        with stage.running(stage.part("front"), stage.part("worker", depends_on=("front",))) as supervisor:
            worker = supervisor.pid_of("worker")
            _kill(supervisor, "front")
            wait_until(_is_back(supervisor, "front", 1), "restart", within_s=20)
            assert supervisor.pid_of("worker") == worker

    def test_a_failing_view_does_not_end_supervision(self, stage: Stage) -> None:
        def fail(*_: str) -> None:
            raise ValueError

        supervisor = Supervisor([stage.part("a")], stage.folder / "logs", stage.folder / "run", on_event=fail)
        with supervisor:
            _kill(supervisor, "a")
            wait_until(_is_back(supervisor, "a", 1), "restart", within_s=20)


class TestStop:
    def test_a_part_deaf_to_sigterm_is_killed_with_its_children(self, stage: Stage) -> None:
        script = """
            import pathlib, signal, subprocess, sys
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            child = subprocess.Popen([sys.executable, "-c", "import signal, time\\n"
                "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\nwhile True: time.sleep(1)"])
        """
        with stage.running(stage.part("deaf", script, grace_s=0.5)):
            pass  # `running` asserts that nothing is left
        assert stage.details("deaf", "stopped") == ["killed by SIGKILL after the grace period"]

    def test_children_of_a_crashed_part_do_not_outlive_it(self, stage: Stage) -> None:
        child = stage.folder / "child"
        script = f"""
            import pathlib, subprocess, sys
            child = subprocess.Popen([sys.executable, "-c", "import time\\nwhile True: time.sleep(1)"])
            pathlib.Path({str(child)!r}).write_text(str(child.pid))
        """
        with stage.running(stage.part("a", script)) as supervisor:
            first = int(child.read_text())
            _kill(supervisor, "a")
            wait_until(_is_back(supervisor, "a", 1), "restart", within_s=20)
            wait_until(lambda: not _lives(first), "the child's end", within_s=10)

    def test_stop_twice_is_fine(self, stage: Stage) -> None:
        supervisor = stage.supervisor(stage.part("a"))
        supervisor.start()
        supervisor.stop()
        supervisor.stop()
        assert stage.kinds("a").count("stopped") == 1


class TestFolder:
    def test_a_second_run_on_the_same_folder_is_refused(self, stage: Stage) -> None:
        with stage.running(stage.part("a")) as supervisor:
            pid = supervisor.pid_of("a")
            with pytest.raises(ConfigError, match=rf"in use by another run \(process {os.getpid()}\)"):
                stage.supervisor(stage.part("a")).start()
            assert supervisor.pid_of("a") == pid
            assert supervisor.state_of("a") == "ready"

    def test_the_folder_is_free_again_after_a_run(self, stage: Stage) -> None:
        for _ in range(2):
            with stage.running(stage.part("a")):
                pass

    def test_children_die_with_a_killed_supervisor(self, stage: Stage) -> None:
        pid = _start_and_kill_a_supervisor(stage, "")
        wait_until(lambda: not _lives(pid), "the part's end", within_s=10)

    def test_what_an_earlier_killed_run_left_is_ended(self, stage: Stage) -> None:
        # A grandchild in a session of its own is reached by no group and no parent: only by its mark.
        left = stage.folder / "left"
        script = f"""
            import pathlib, subprocess, sys
            child = subprocess.Popen([sys.executable, "-c", "import time\\nwhile True: time.sleep(1)"],
                start_new_session=True)
            pathlib.Path({str(left)!r}).write_text(str(child.pid))
        """
        _start_and_kill_a_supervisor(stage, script)
        pid = int(left.read_text())
        assert _lives(pid)
        with stage.running(stage.part("b")):
            assert not _lives(pid)
        assert f"ended process {pid} " in " ".join(stage.details("supervisor", "left_over"))


def _start_and_kill_a_supervisor(stage: Stage, script: str) -> int:
    """Run a supervisor in a process of its own, kill that process, return the id of its part."""
    part = stage.part("a", script)
    code = f"""
import pathlib, sys, time
sys.path.insert(0, {str(Path.cwd())!r})
from agents.local.part import Part
from agents.local.supervisor import Supervisor
up = pathlib.Path({str(stage.folder / "a.up")!r})
part = Part(name="a", command={list(part.command)!r}, is_ready=up.exists)
Supervisor([part], pathlib.Path({str(stage.folder / "logs")!r}), pathlib.Path({str(stage.folder / "run")!r})).start()
print("up", flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"up\n"
        supervisor.kill()
    pid = stage.up_pid("a")
    assert pid is not None
    return pid
