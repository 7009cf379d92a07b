"""The table of roles: what is refused, and with which words."""

from pathlib import Path

import pytest

from agents.local.clickhouse.users import User, role_users
from agents.roles.table import FILE, parse_roles, read_roles
from streams.errors import ConfigError

LIMITS = (
    "{time_s: 10, memory_mb: 512, read_rows: 1000000, result_rows: 100, result_mb: 16, concurrent: 2, "
    "queries_per_hour: 60}"
)
GOOD = f"""
roles:
  all: {{about: Everybody., limits: {LIMITS}}}
  norway: {{about: One country., scope: {{countries: [NO], tenants: [acme]}}, limits: {LIMITS}}}
users: {{anna: all, nils: norway}}
"""


def test_a_role_with_a_scope_has_a_database_of_its_own() -> None:
    table = parse_roles(GOOD, source="roles.yaml")
    assert table.roles["norway"].scope.countries == ("NO",)
    assert [table.database_of(role, "xpulse_pub") for role in table.roles] == ["xpulse_pub", "xpulse_pub_norway"]


def test_the_embedded_front_has_the_same_users_with_the_same_limits() -> None:
    users = role_users(parse_roles(GOOD, source="roles.yaml"))
    assert users["nils"] == User(
        name="nils",
        database="xpulse_pub_norway",
        threads=2,
        max_execution_time_s=10,
        max_memory_bytes=512 << 20,
        max_rows_to_read=1_000_000,
        max_result_rows=100,
        max_result_bytes=16 << 20,
    )
    assert not any(user.may_write for user in users.values())


def test_the_shipped_table_is_good() -> None:
    assert {"wall", "analyst"} <= set(read_roles(FILE).roles)


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("anna: all", "anna: nobody", "users.anna: no role nobody; allowed: all, norway"),
        ("anna: all", "default: all", "users.default: the name is taken"),
        ("anna: all", "xpulse: all", "users.xpulse: the name is taken"),
        ("nils:", "Nils`:", "users"),
        ("countries: [NO]", "country: [NO]", "unknown field `country`"),
        ("countries: [NO]", "countries: NO", "scope.countries"),
        ("countries: [NO]", "countries: ['']", "scope.countries"),
        ("time_s: 10", "time_s: 0", "limits.time_s"),
        ("result_mb: 16, ", "", "result_mb"),
        ("about: Everybody., ", "", "about"),
        ("users:", "users: {}\nusers:", "written twice"),
        ("roles:", "roles: [", "roles.yaml: line"),
    ],
)
def test_a_bad_table_is_refused_by_name(good: str, bad: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse_roles(GOOD.replace(good, bad), source="roles.yaml")
    assert str(caught.value).startswith("roles.yaml: ")


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"roles\.yaml: cannot be read: FileNotFoundError"):
        read_roles(tmp_path / "roles.yaml")
