import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.gateway.identity import Pseudonyms, new_key_text, normalised, read_key
from streams.errors import ConfigError

KEY = bytes(range(32))
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_new_key_can_be_read(tmp_path: Path) -> None:
    text = new_key_text()
    assert read_key(key_file(tmp_path, text)) == bytes.fromhex(text)
    assert len(bytes.fromhex(text)) == 32
    assert new_key_text() != text


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        ("ab" * 31, 0o600, "62 digits; expected 64 or more"),
        ("", 0o600, "0 digits"),
        ("zz" * 32, 0o600, "not hexadecimal"),
        ("é" * 64, 0o600, "not hexadecimal"),
        ("ab" * 32, 0o644, "mode 0644 lets others in"),
        ("ab" * 32, 0o620, "mode 0620"),
    ],
)
def test_a_bad_key_file_is_explained_without_its_content(tmp_path: Path, text: str, mode: int, says: str) -> None:
    path = key_file(tmp_path, text, mode)
    with pytest.raises(ConfigError, match=says) as caught:
        read_key(path)
    assert str(path) in str(caught.value)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_owner_and_group_may_read_it(tmp_path: Path, mode: int) -> None:
    assert read_key(key_file(tmp_path, "ab" * 32, mode)) == b"\xab" * 32


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_key(tmp_path / "none")


def test_the_construction_is_the_documented_one() -> None:
    tenant_key = hmac.new(KEY, b"xpulse tenant key 1\0acme", hashlib.sha256).digest()
    expected = hmac.new(tenant_key, b"person\0jane.doe", hashlib.sha256).hexdigest()[:32]
    assert Pseudonyms(KEY).of("acme", "person", " Jane.DOE ") == expected


@given(names)
def test_normalising_twice_changes_nothing(name: str) -> None:
    assert normalised(normalised(name)) == normalised(name)


@given(names)
def test_spelling_does_not_matter(name: str) -> None:
    for spelling in (f"  {name}\t", name.casefold()):
        assert normalised(spelling) == normalised(name)


def test_composed_wide_and_compatible_letters_are_one_person() -> None:
    assert normalised("Zoe\u0308") == normalised("ZO\u00cb") == "zo\u00eb"
    assert normalised("\uff2a\uff21\uff2e\uff25") == "jane"
    assert normalised("STRASSE") == normalised("stra\u00dfe")


@given(names, st.sampled_from(["person", "device"]))
def test_a_pseudonym_is_32_hexadecimal_digits_or_nothing(name: str, kind: str) -> None:
    pseudonym = Pseudonyms(KEY).of("acme", kind, name)
    assert (pseudonym == "") == (normalised(name) == "")
    assert pseudonym == "" or (len(pseudonym) == 32 and set(pseudonym) <= set("0123456789abcdef"))


@given(st.lists(names.map(normalised).filter(bool), min_size=2, max_size=20, unique=True))
def test_different_identities_have_different_pseudonyms(found: list[str]) -> None:
    one = Pseudonyms(KEY)
    assert len({one.of("acme", "person", name) for name in found}) == len(found)


def test_key_tenant_and_kind_separate() -> None:
    one, other = Pseudonyms(KEY), Pseudonyms(KEY[::-1])
    assert len(
        {
            one.of("acme", "person", "x"),
            one.of("acme", "device", "x"),
            one.of("globex", "person", "x"),
            other.of("acme", "person", "x"),
        }
    ) == 4  # fmt: skip


def test_the_memory_of_pseudonyms_is_bounded() -> None:
    assert Pseudonyms(KEY).of.cache_info().maxsize == 1 << 17
