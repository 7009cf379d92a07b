"""The SQL that gives a ClickHouse server the users of the table of roles, with profiles, quotas and grants.

It makes no databases: `xpulse migrate` does, those of the scopes too. An administrator of the server runs it, as often
as the table changes: each statement replaces what stood before.
"""

from collections.abc import Iterator, Mapping

from agents.roles.scopes import quoted
from agents.roles.table import Limits, Role, RoleTable

_HEAD = """\
-- Users of the public views, made by `xpulse roles sql` from infra/clickhouse/roles.yaml; do not edit.
-- To be run by an administrator, after `xpulse migrate`. What was tried of it is told in docs/roles.md.
"""
PREFIX = "xpulse_"
"""Of roles, profiles and quotas, so that they are not taken for somebody else's."""


def server_sql(table: RoleTable, *, public: str, password_sums: Mapping[str, str]) -> str:
    """Return the statements as one text, each ending in `;` at the end of a line.

    Args:
        table: The roles.
        public: Database of the public views.
        password_sums: User -> SHA-256 of the password, hex. Users that are not in it have no password and may connect
            from the server's own machine only.
    """
    return _HEAD + "".join(f"\n{statement};\n" for statement in _statements(table, public, password_sums))


def _statements(table: RoleTable, public: str, password_sums: Mapping[str, str]) -> Iterator[str]:
    for name, role in table.roles.items():
        yield from _role(quoted(PREFIX + name), role, table.database_of(name, public))
    for user, name in table.users.items():
        yield from _user(quoted(user), quoted(PREFIX + name), table.database_of(name, public), password_sums.get(user))


def _role(name: str, role: Role, database: str) -> Iterator[str]:
    yield f"CREATE SETTINGS PROFILE OR REPLACE {name} SETTINGS\n    " + ",\n    ".join(_settings(role.limits))
    yield f"CREATE ROLE IF NOT EXISTS {name}"
    yield f"ALTER ROLE {name} SETTINGS PROFILE {name}"
    yield f"REVOKE ALL ON *.* FROM {name}"
    yield f"GRANT SELECT ON {quoted(database)}.* TO {name}"
    yield (
        f"CREATE QUOTA OR REPLACE {name} KEYED BY user_name FOR INTERVAL 1 hour "
        f"MAX queries = {role.limits.queries_per_hour} TO {name}"
    )


def _settings(limits: Limits) -> Iterator[str]:
    """Yield settings; those that clients send by themselves may be lowered, never raised or switched off by 0."""
    yield "readonly = 1 CONST"
    for name, most in (
        ("max_execution_time", limits.time_s),
        ("max_memory_usage", limits.memory_mb << 20),
        ("max_result_rows", limits.result_rows),
        ("max_result_bytes", limits.result_mb << 20),
    ):
        yield f"{name} = {most} MIN 1 MAX {most} CHANGEABLE_IN_READONLY"
    yield f"max_rows_to_read = {limits.read_rows} CONST"
    yield f"max_concurrent_queries_for_user = {limits.concurrent} CONST"
    yield "result_overflow_mode = 'throw' CONST"
    yield "read_overflow_mode = 'throw' CONST"
    yield "timeout_overflow_mode = 'throw' CONST"
    yield "allow_introspection_functions = 0 CONST"
    yield "allow_ddl = 0 CONST"
    yield "output_format_write_statistics = 0 CONST"


def _user(user: str, role: str, database: str, password_sum: str | None) -> Iterator[str]:
    how = f"IDENTIFIED WITH sha256_hash BY '{password_sum}' HOST ANY" if password_sum else "NOT IDENTIFIED HOST LOCAL"
    yield f"CREATE USER OR REPLACE {user} {how} DEFAULT DATABASE {quoted(database)}"
    yield f"GRANT {role} TO {user}"
