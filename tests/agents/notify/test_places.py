"""Where a notifier may connect to: checked addresses only, whatever the name server says next; TLS keeps the name."""

import asyncio
import ssl
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from agents.notify._places import objection, resolve
from agents.notify._post import Poster
from streams.errors import DeliveryError
from tests.agents.notify.doors import Door, running_door
from tests.needs import program


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "169.254.169.254", "::ffff:169.254.1.1",
        "fe80::1", "fe80::1%eth0", "224.0.0.1", "ff02::1", "240.0.0.1", "255.255.255.255", "fd00:ec2::254",
        "100.100.100.200", "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_addresses_that_are_not_called(address: str) -> None:
    assert objection(address, may_be_local=False)


@pytest.mark.parametrize(
    "address", ["10.0.0.7", "192.168.1.1", "93.184.216.34", "2001:db8::1", "fd12::1", "64:ff9b::a00:7"]
)
def test_addresses_that_are(address: str) -> None:
    assert objection(address, may_be_local=False) is None


def test_this_machine_if_it_is_allowed_but_never_its_link() -> None:
    assert [objection(address, may_be_local=True) for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1")] == [None] * 3
    assert objection("169.254.169.254", may_be_local=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "169.254.169.254"])
def test_however_it_is_written(host: str) -> None:
    with pytest.raises(DeliveryError, match="not allowed") as caught:
        asyncio.run(post(f"http://{host}:9/hook", may_be_local=False))
    assert not caught.value.is_retryable


async def post(
    url: str,
    find: Callable[[str, int], Sequence[str]] | None = None,
    *,
    may_be_local: bool = True,
    tls: ssl.SSLContext | None = None,
) -> None:
    async def found(host: str, port: int) -> Sequence[str]:
        return await resolve(host, port) if find is None else find(host, port)

    poster = Poster(url, name="webhook", setting="test", may_be_local=may_be_local, attempt_s=5.0, tls=tls, find=found)
    try:
        await poster.post(b"{}")
    finally:
        await poster.close()


@pytest.fixture
def door() -> Iterator[Door]:
    with running_door() as running:
        yield running


def port_of(door: Door) -> str:
    return door.url.rpartition(":")[2]


@pytest.mark.integration
def test_a_name_is_asked_once_and_the_connection_goes_to_that_very_address(door: Door) -> None:
    asked: list[str] = []

    def find(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    # No name server knows this name, so whoever asks again does not connect.
    asyncio.run(post(f"http://desk.example:{port_of(door)}/hook", find))
    assert asked == ["desk.example"]
    assert door.posted[0].headers["host"] == f"desk.example:{port_of(door)}"


@pytest.mark.integration
def test_a_name_that_changes_after_the_check_leads_nowhere(door: Door) -> None:
    answers = iter([["192.0.2.1"], ["127.0.0.1"]])
    with pytest.raises(DeliveryError) as caught:
        asyncio.run(post(f"http://rebound.example:{port_of(door)}/hook", lambda *_: next(answers), may_be_local=False))
    assert caught.value.is_retryable
    assert next(answers) == ["127.0.0.1"]  # it was not asked for
    assert door.posted == []


@pytest.mark.integration
def test_one_bad_address_among_good_ones_is_enough_to_refuse(door: Door) -> None:
    with pytest.raises(DeliveryError, match="not allowed"):
        asyncio.run(
            post(f"http://desk.example:{port_of(door)}/", lambda *_: ["10.0.0.1", "127.0.0.1"], may_be_local=False)
        )
    assert door.posted == []


@pytest.mark.integration
def test_the_next_address_is_tried_if_there_is_no_connection(door: Door) -> None:
    asyncio.run(post(f"http://desk.example:{port_of(door)}/hook", lambda *_: ["::1", "127.0.0.1"]))
    assert len(door.posted) == 1


def test_a_name_without_addresses_may_have_one_later() -> None:
    with pytest.raises(DeliveryError, match="no address") as caught:
        asyncio.run(post("http://desk.example/", lambda *_: []))
    assert caught.value.is_retryable


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for desk.example, in one file."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = [
        program("openssl"),
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-keyout", str(key), "-out", str(cert), "-days", "1", "-subj", "/CN=desk.example"]
    subprocess.run([*command, "-addext", "subjectAltName=DNS:desk.example"], check=True, capture_output=True)
    both = tmp_path / "both.pem"
    both.write_text(key.read_text() + cert.read_text())
    return both


@pytest.mark.integration
@pytest.mark.parametrize(("name", "is_theirs"), [("desk.example", True), ("other.example", False)])
def test_tls_checks_the_name_and_not_the_address(certificate: Path, name: str, is_theirs: bool) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    names: list[str | None] = []
    server.sni_callback = lambda _socket, asked, _context: names.append(asked)
    client = ssl.create_default_context(cafile=str(certificate))
    with running_door(wrap=lambda plain: server.wrap_socket(plain, server_side=True)) as door:
        address = f"https://{name}:{port_of(door)}/hook"
        if is_theirs:
            asyncio.run(post(address, lambda *_: ["127.0.0.1"], tls=client))
            assert len(door.posted) == 1
        else:
            with pytest.raises(DeliveryError, match="ConnectError"):
                asyncio.run(post(address, lambda *_: ["127.0.0.1"], tls=client))
            assert door.posted == []
    assert names[0] == name
