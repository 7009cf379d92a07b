"""The manifest of telemetry: one row says which seals readers count and at which scales (migration 0031).

Readers take the newest row; what it has to be follows from the profile in force and the committed seals. So whoever
changes one of these publishes the manifest afterwards, and until then readers go by the row before.
"""

from string import Template

from agents.warehouse.client import Client, ask, command

_IS_DUE = Template("""
SELECT tuple(*) !=
    (SELECT argMax(tuple(* EXCEPT written_at), (scales_at, written_at)) FROM $database.telemetry_manifest)
FROM $database.telemetry_manifest_due
""")
# A clock that was set back must not make the newest row an old one.
_WRITE = Template("""
INSERT INTO $database.telemetry_manifest
SELECT
    *, greatest(now64(6), (SELECT max(written_at) FROM $database.telemetry_manifest) + toIntervalMicrosecond(1))
FROM $database.telemetry_manifest_due
""")


def publish(client: Client, database: str) -> bool:
    """Write the manifest anew if it does not say what it has to; doing it again changes nothing.

    Args:
        client: An open client.
        database: The restricted database.

    Returns:
        Whether there was something to write.

    Raises:
        WarehouseError: Not acknowledged.
    """
    quoted = f"`{database}`"
    [(is_due,)] = ask(client, _IS_DUE.substitute(database=quoted))
    if is_due:
        command(client, _WRITE.substitute(database=quoted))
    return bool(is_due)
