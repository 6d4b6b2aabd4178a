"""Which adapters are installed, and what happens when one is broken."""

from importlib import metadata
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from adapters import available, load
from adapters.registry import GROUP, AdapterError
from bus.errors import NotFoundError


def installed(monkeypatch: pytest.MonkeyPatch, **points: str) -> None:
    """Put entry points beside the real ones."""
    real = metadata.entry_points

    def found(*, group: str, name: str | None = None) -> list[EntryPoint]:
        own = [EntryPoint(key.partition("__")[0], value, group) for key, value in points.items()]
        every = [*real(group=group), *own]
        return [point for point in every if name is None or point.name == name]

    monkeypatch.setattr(metadata, "entry_points", found)


def test_the_shipped_adapters_are_installed() -> None:
    assert available() == ("cap", "table", "ucdp_ged")
    assert [load(name).name for name in available()] == ["cap", "table", "ucdp_ged"]


def test_an_unknown_name_is_not_found_and_the_known_ones_are_named() -> None:
    with pytest.raises(NotFoundError) as raised:
        load("gossip")
    assert "cap, table, ucdp_ged" in raised.value.advice


def test_a_broken_adapter_stops_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, broken="no.such.module:ADAPTER")
    assert "broken" in available()
    assert load("table").name == "table"
    with pytest.raises(AdapterError, match="broken"):
        load("broken")


def test_whatever_an_adapter_raises_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "partners_adapter.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    installed(monkeypatch, raises="partners_adapter:ADAPTER")
    with pytest.raises(AdapterError, match="raises"):
        load("raises")


def test_what_is_no_adapter_or_has_another_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, alias="adapters.table:ADAPTER", nothing="adapters.registry:GROUP")
    for name in ("alias", "nothing"):
        with pytest.raises(AdapterError, match=f"no adapter named {name}"):
            load(name)


def test_two_packages_of_one_name_are_told_apart_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, table="somebody.else:ADAPTER")
    with pytest.raises(AdapterError, match="two adapters are named table"):
        load("table")


def test_the_group_is_the_one_of_the_documents() -> None:
    assert GROUP == "tocsin.adapters"
