"""What belongs to a scope: known for every public view, and nothing else gets into it."""

import re

import pytest

from agents.roles.scopes import PRUNED_BY, condition, literal, scope_statements
from agents.roles.table import Scope
from agents.roles.views import View
from agents.warehouse.migrate import read_migrations
from agents.warehouse.scopes import shipped_views
from streams.errors import ConfigError

BOTH = Scope(tenants=("acme",), countries=("NO",), services=("mail", "o'neil"))


def test_every_public_view_of_the_migrations_is_known() -> None:
    named = set(re.findall(r"CREATE OR REPLACE VIEW \$\{public\}\.(\w+)", "".join(m.text for m in read_migrations())))
    views = shipped_views()
    assert {view.name for view in views} == named
    assert all(view.columns and view.comment for view in views)


@pytest.mark.parametrize("scope", [Scope(tenants=("acme",)), Scope(countries=("NO",)), Scope(services=("mail",)), BOTH])
def test_in_every_view_all_columns_but_those_that_prune_are_emptied_outside(scope: Scope) -> None:
    views = shipped_views()
    for view, sql in zip(views, scope_statements(views, scope, public="p", database="d"), strict=True):
        shown = set(re.findall(r"^    v\.(\w+) AS", sql, re.MULTILINE))
        assert shown <= PRUNED_BY
        assert "AS is_in_scope" in sql
        assert condition(view, scope, "p") not in ("1", "")


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("sla", "tenant IN ('acme') AND country IN ('NO') AND service IN ('mail', 'o\\'neil')"),
        ("alerts", "tenant IN ('acme') AND slice['country'] IN ('NO') AND slice['service'] IN ('mail', 'o\\'neil')"),
        ("changes", "tenant IN ('acme') AND country IN ('', 'NO') AND service IN ('', 'mail', 'o\\'neil')"),
        ("response_rates", "tenant IN ('acme') AND 0"),
        ("data_quality", "(tenant IN ('acme') OR tenant = '' AND measure = 'age_s')"),
    ],
)
def test_the_condition_of_a_view(view: str, expected: str) -> None:
    [found] = [known for known in shipped_views() if known.name == view]
    assert condition(found, BOTH, "p") == expected


def test_a_view_that_nobody_thought_of_is_refused() -> None:
    strange = View(name="new", columns={"tenant": "String", "secret": "String"}, parameters={}, comment="New")
    with pytest.raises(ConfigError, match="view new: nothing says"):
        scope_statements([strange], BOTH, public="p", database="d")


def test_literals_cannot_be_left() -> None:
    assert literal("a' OR 1 --\\") == r"'a\' OR 1 --\\'"
