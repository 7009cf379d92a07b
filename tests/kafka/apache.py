"""Apache Kafka as a process of one's own: KRaft, broker and controller in one, loopback, a small heap."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.local.broker import is_broker_ready
from agents.local.ports import free_port
from agents.local.process import PartProcess
from tests.agents.local.services import wait_until
from tests.kafka.topics import Topics

CLUSTER_ID = "eHB1bHNlLWthZmthLTAwMQ"
STOPS_WITHIN_S = 20.0
_JVM = ("-Xms96m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")


class ApacheKafka:
    """A broker on a folder; what is on its topics survives `kill` and `restart`.

    Args:
        folder: Empty; takes configuration, data and log.
        class_path: See `tests.kafka.jars`.
    """

    def __init__(self, folder: Path, class_path: str) -> None:
        self._folder = folder
        port, controller = free_port(), free_port()
        self.bootstrap = f"127.0.0.1:{port}"
        self.topics = Topics(self.bootstrap)
        self._process: PartProcess | None = None
        self._configuration = folder / "server.properties"
        self._configuration.write_text(_properties(folder / "data", port, controller))
        (folder / "tmp").mkdir()
        self._java = ["java", *_JVM, f"-Djava.io.tmpdir={folder / 'tmp'}"]
        self._java += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", class_path]

    @property
    def pid(self) -> int:
        assert self._process is not None, "Apache Kafka is not running"
        return self._process.pid

    def format(self) -> None:
        """Prepare the data folder, as KRaft wants it."""
        command = [*self._java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self._configuration)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def start(self) -> None:
        """Start on the data as it is; returns when the broker answers."""
        command = [*self._java, "kafka.Kafka", str(self._configuration)]
        self._process = process = PartProcess(command, {"PATH": os.environ["PATH"]}, self._folder / "kafka.log")
        wait_until(lambda: self._answers(process), "Apache Kafka answers")

    def _answers(self, process: PartProcess) -> bool:
        assert process.exit_code() is None, f"Apache Kafka ended: {process.last_lines()}"
        return is_broker_ready(self.bootstrap)

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process is not None:
            self._process.end(STOPS_WITHIN_S)
            self._process = None

    def restart(self) -> None:
        """Kill it if it runs, and start it again on the same data and address."""
        self.kill()
        self.start()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """It is gone while the body runs, and back on the same data afterwards, however the body ends."""
        self.kill()
        try:
            yield
        finally:
            self.start()


@contextmanager
def running_apache(folder: Path, class_path: str) -> Iterator[ApacheKafka]:
    """Run Apache Kafka in an empty folder; nothing of it is left afterwards but the folder."""
    kafka = ApacheKafka(folder, class_path)
    kafka.format()
    try:
        kafka.start()
        yield kafka
    finally:
        kafka.kill()  # nobody will read this log again: no reason to wait for a tidy end


def _properties(data: Path, port: int, controller: int) -> str:
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 2000,  # after SIGKILL the controller waits this long before it takes it back
        "log.retention.ms": -1,  # tests have old timestamps; those about retention set it
        "log.retention.check.interval.ms": 500,
        "log.initial.task.delay.ms": 500,
        "log.segment.delete.delay.ms": 100,
        "num.network.threads": 2,
        "num.io.threads": 2,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
