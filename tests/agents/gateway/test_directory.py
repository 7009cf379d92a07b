import os
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from agents.gateway import directory_rows
from agents.gateway.directory import Directory, DirectoryFolder, file_of, read
from agents.gateway.directory_load import load
from agents.gateway.directory_rows import DIMENSIONS, HEADER, Row
from agents.gateway.identity import Pseudonyms
from streams.errors import ConfigError

PSEUDONYMS = Pseudonyms(b"k" * 32)
HEAD = ",".join(HEADER)
DAY_MS = 86_400_000
GOOD = f"""{HEAD}
person,Jane.Doe@example.com,2026-01-01,NO,Oslo,Sales,,,,
device,PC-17,2026-01-01,NO,Oslo,Sales,,Latitude 7450,Windows 11,false
device,ROOM-1,2026-01-01T06:00:00+02:00,NO,Oslo,,meetings,,,TRUE
application,mail,2020-06-30,,,,email,,,
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "directory.csv"
    path.write_bytes(text.encode())
    return path


def bring(folder: Path, text: str, tenant: str = "acme") -> tuple[int, ...]:
    source = written(folder, text)
    return astuple(load(source, tenant=tenant, folder=folder / "loaded", pseudonyms=PSEUDONYMS))


def loaded(folder: Path) -> DirectoryFolder:
    found = DirectoryFolder(folder / "loaded")
    found.refresh()
    return found


def at(day: str) -> int:
    instant = directory_rows._instant_ms(day)
    assert instant is not None
    return instant


def test_a_directory_is_found_by_pseudonym(tmp_path: Path) -> None:
    assert bring(tmp_path, GOOD) == (4, 0, 0, 4)
    found = loaded(tmp_path).of("acme")
    jane, pc = PSEUDONYMS.of("acme", "person", "jane.doe@EXAMPLE.com"), PSEUDONYMS.of("acme", "device", "pc-17")
    assert found.lookup("person", jane, at("2026-03-01")) == {
        "country": "NO",
        "site": "Oslo",
        "business_unit": "Sales",
    }
    assert found.lookup("device", pc, at("2026-03-01")) == {
        "country": "NO", "site": "Oslo", "business_unit": "Sales", "device_model": "Latitude 7450",
        "os_version": "Windows 11", "shared": False,
    }  # fmt: skip
    assert found.lookup("application", "mail", at("2026-03-01")) == {"service": "email"}
    assert found.entries() == {"person": 1, "device": 2, "application": 1}


def test_what_is_stored_names_nobody(tmp_path: Path) -> None:
    bring(tmp_path, GOOD)
    (path,) = (tmp_path / "loaded").glob("*.csv")
    text = path.read_text()
    assert "jane" not in text.lower()
    assert "PC-17" not in text
    assert path.stat().st_mode & 0o077 == 0


def test_other_tenants_kinds_and_times_know_nothing(tmp_path: Path) -> None:
    bring(tmp_path, GOOD)
    found, jane = loaded(tmp_path), PSEUDONYMS.of("acme", "person", "jane.doe@example.com")
    assert found.of("globex").lookup("person", jane, at("2026-03-01")) is None
    assert found.of("acme").lookup("device", jane, at("2026-03-01")) is None
    assert found.of("acme").lookup("person", jane, at("2025-12-31")) is None
    assert found.of("acme").lookup("person", jane, at("2026-01-01")) is not None


def test_a_move_holds_from_its_day_on(tmp_path: Path) -> None:
    move = f"{HEAD}\nperson,jane,2026-01-01,NO,Oslo,Sales,,,,\nperson,JANE,2026-03-01,SE,,Sales,,,,\n"
    bring(tmp_path, move)
    found, jane = loaded(tmp_path).of("acme"), PSEUDONYMS.of("acme", "person", "jane")
    assert found.lookup("person", jane, at("2026-03-01") - 1) == {
        "country": "NO",
        "site": "Oslo",
        "business_unit": "Sales",
    }
    assert found.lookup("person", jane, at("2026-03-01")) == {"country": "SE", "business_unit": "Sales"}


def test_loading_merges_with_what_is_there(tmp_path: Path) -> None:
    bring(tmp_path, GOOD)
    more = f"{HEAD}\nperson,jane.doe@example.com,2026-01-01,DK,,,,,,\nperson,joe,2026-01-01,SE,,,,,,\n"
    assert bring(tmp_path, more) == (1, 1, 0, 5)
    assert bring(tmp_path, more) == (0, 0, 2, 5)
    found = loaded(tmp_path).of("acme")
    jane = PSEUDONYMS.of("acme", "person", "jane.doe@example.com")
    assert found.lookup("person", jane, at("2026-02-01")) == {"country": "DK"}
    assert found.lookup("application", "mail", at("2026-02-01")) == {"service": "email"}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("person,x,2026-01-01", "3 columns; expected 10"),
        ("human,x,2026-01-01,,,,,,,", "kind: expected one of person, device, application"),
        ("person,,2026-01-01,,,,,,,", "id: expected 1 to 200 characters"),
        (f"person,{'x' * 201},2026-01-01,,,,,,,", "id: expected 1 to 200 characters"),
        ("person,\u200ax,01.02.2026,,,,,,,", "valid_from: expected a day"),
        ("person,x,,,,,,,,", "valid_from: expected a day"),
        ("person,x,2026-13-01,,,,,,,", "valid_from: expected a day"),
        ("person,x,2026-01-01T00:00:00,,,,,,,", "with its zone"),
        ("person,x,1969-12-31,,,,,,,", "1970 or later"),
        ("person,x,2026-01-01,,,,email,,,", "service: leave it empty for kind person"),
        ("application,x,2026-01-01,NO,,,email,,,", "country: leave it empty for kind application"),
        ("application,x,2026-01-01,,,,,,,", "service: an application needs one"),
        ("device,x,2026-01-01,,,,,,,yes", "shared: expected true, false or nothing"),
        ("person,x,2026-01-01,,,,,,,true", "shared: leave it empty for kind person"),
        ("person,x,2026-01-01,*,,,,,,", "country: * is reserved"),
        ("person,x,2026-01-01,,__other__,,,,,", "site: __other__ is reserved"),
        (f"person,x,2026-01-01,,{'x' * 121},,,,,", "site: at most 120 characters"),
        ("person,x,2026-01-01,,a\u202eb,,,,,", "site: control character"),
        ('person,x,2026-01-01,,"a"b,,,,,', "not CSV"),
        ("person,JANE.DOE@example.com,2026-01-01,SE,,,,,,", "the same kind, id and valid_from as in line 2"),
    ],
)
def test_one_bad_line_refuses_the_file(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says.replace("*", r"\*")) as caught:
        bring(tmp_path, GOOD + line + "\n")
    assert f"{tmp_path / 'directory.csv'}:6: " in str(caught.value)
    assert str(caught.value).endswith("nothing was loaded")
    assert not list(tmp_path.glob("loaded/*.csv"))


def test_a_wrong_header_says_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"directory.csv:1: expected the header {HEAD}"):
        bring(tmp_path, "name,country\nx,NO\n")
    with pytest.raises(ConfigError, match="expected the header"):
        bring(tmp_path, "")


def test_many_bad_lines_are_summed_up(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="and 10 more lines") as caught:
        bring(tmp_path, HEAD + "\n" + "x\n" * 30)
    assert len(str(caught.value).splitlines()) == 22


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "latin.csv"
    source.write_bytes(GOOD.replace("Oslo", "Tromsø").encode("latin-1"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(source, tenant="acme", folder=tmp_path, pseudonyms=PSEUDONYMS)


def test_a_file_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    source = tmp_path / "excel.csv"
    source.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load(source, tenant="acme", folder=tmp_path / "loaded", pseudonyms=PSEUDONYMS).total == 4


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none.csv", tenant="acme", folder=tmp_path, pseudonyms=PSEUDONYMS)


def test_progress_is_told(tmp_path: Path) -> None:
    lines = "".join(f"person,p{n},2026-01-01,NO,,,,,,\n" for n in range(20_500))
    told: list[int] = []
    source = written(tmp_path, f"{HEAD}\n{lines}")
    load(source, tenant="acme", folder=tmp_path, pseudonyms=PSEUDONYMS, on_progress=told.append)
    assert told == [10_000, 20_000]


@pytest.mark.parametrize("tenant", ["acme", "a/b", "..", ".hidden", "ø", "A" * 80, "%2E"])
def test_any_tenant_has_a_file_of_its_own_in_the_folder(tmp_path: Path, tenant: str) -> None:
    assert file_of(tmp_path, tenant).parent == tmp_path
    bring(tmp_path, GOOD, tenant)
    jane = PSEUDONYMS.of(tenant, "person", "jane.doe@example.com")
    assert loaded(tmp_path).of(tenant).lookup("person", jane, at("2026-03-01")) is not None


def test_a_tenant_without_a_possible_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tenant"):
        file_of(tmp_path, "ø" * 100)


def test_changes_are_seen_and_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    bring(tmp_path, GOOD)
    folder, jane = loaded(tmp_path), PSEUDONYMS.of("acme", "person", "jane.doe@example.com")
    bring(tmp_path, f"{HEAD}\nperson,jane.doe@example.com,2026-02-01,SE,,,,,,\n")
    folder.refresh()
    assert folder.of("acme").lookup("person", jane, at("2026-02-01")) == {"country": "SE"}
    path = file_of(tmp_path / "loaded", "acme")
    path.write_text("broken")
    with pytest.raises(ConfigError, match=r"acme.csv:1: expected the header"):
        folder.refresh()
    folder.refresh()  # said once
    assert folder.of("acme").lookup("person", jane, at("2026-02-01")) == {"country": "SE"}
    path.unlink()
    folder.refresh()
    assert folder.of("acme").lookup("person", jane, at("2026-02-01")) is None
    assert REGISTRY.get_sample_value("xpulse_gateway_directory_entries", {"kind": "person"}) == 0


def test_raw_identities_in_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "acme.csv").write_text(GOOD)
    with pytest.raises(
        ConfigError, match=r"acme.csv:2: id: no pseudonym; bring the file in by `xpulse directory load`"
    ):
        read(tmp_path / "acme.csv")


def test_no_folder_is_an_empty_directory(tmp_path: Path) -> None:
    assert loaded(tmp_path / "nowhere").of("acme").entries() == {"person": 0, "device": 0, "application": 0}


def test_an_interrupted_load_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(tmp_path, GOOD)
    before = file_of(tmp_path / "loaded", "acme").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        bring(tmp_path, f"{HEAD}\nperson,joe,2026-01-01,SE,,,,,,\n")
    assert file_of(tmp_path / "loaded", "acme").read_bytes() == before
    assert not list((tmp_path / "loaded").glob(".loading-*"))


values = st.text(st.characters(categories=["L", "N"], max_codepoint=0x24F), max_size=8)
rows = st.builds(
    Row,
    kind=st.sampled_from(["person", "device"]),
    id=st.sampled_from(["a", "b"]),
    valid_from_ms=st.integers(0, 20_000 * DAY_MS),
    dimensions=st.tuples(values, values, values, st.just(""), st.just(""), st.just("")),
    shared=st.none(),
)
dated = st.lists(rows, max_size=12, unique_by=lambda row: row.place)


@given(dated, st.sampled_from(["a", "b"]), st.integers(0, 20_001 * DAY_MS))
def test_the_newest_version_that_has_begun_holds(given_rows: Sequence[Row], name: str, at_ms: int) -> None:
    begun = [r for r in given_rows if (r.kind, r.id) == ("person", name) and r.valid_from_ms <= at_ms]
    newest = max(begun, key=lambda row: row.valid_from_ms, default=None)
    found = Directory(given_rows).lookup("person", name, at_ms)
    if newest is None:
        assert found is None
    else:
        assert found == {n: v for n, v in zip(DIMENSIONS, newest.dimensions, strict=True) if v}


@given(dated)
def test_order_of_lines_does_not_matter(given_rows: list[Row]) -> None:
    forward, backward = Directory(given_rows), Directory(given_rows[::-1])
    for row in given_rows:
        assert forward.lookup(row.kind, row.id, row.valid_from_ms) == backward.lookup(
            row.kind, row.id, row.valid_from_ms
        )


@given(dated)
def test_what_is_written_reads_back(given_rows: list[Row]) -> None:
    lines = list(directory_rows.write(given_rows))
    assert [row for _, row in directory_rows.parse(lines)] == given_rows
