"""The order of parts, and free ports."""

import pytest

from agents.local.part import Part, layers
from agents.local.ports import free_port
from streams.errors import ConfigError


class TestPlan:
    def _part(self, name: str, *depends_on: str) -> Part:
        return Part(name=name, command=["true"], is_ready=lambda: True, depends_on=depends_on)

    def test_layers_are_as_early_as_possible(self) -> None:
        found = layers([self._part("c", "a", "b"), self._part("b", "a"), self._part("a"), self._part("d")])
        assert [[part.name for part in layer] for layer in found] == [["a", "d"], ["b"], ["c"]]

    def test_a_circle_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="circle: a, b"):
            layers([self._part("a", "b"), self._part("b", "a"), self._part("c")])

    def test_an_unknown_dependency_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"part a names unknown parts \['x'\]; there are: a"):
            layers([self._part("a", "x")])

    def test_a_name_twice_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="same name"):
            layers([self._part("a"), self._part("a")])


def test_no_port_is_given_twice() -> None:
    ports = [free_port() for _ in range(300)]
    assert len(set(ports)) == len(ports)
