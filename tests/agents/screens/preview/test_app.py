"""Who gets in, and what the page may do."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import pytest
from starlette.applications import Starlette

from agents.screens.preview.answers import Answers
from agents.screens.preview.app import STATIC, build_app
from agents.screens.preview.shelf import FOLDER, read_shelf
from agents.warehouse.client import Address

PORT = 18_090


@dataclass(frozen=True)
class Client:
    """Asks the application without a server."""

    app: Starlette

    def get(
        self, path: str, *, headers: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return self.send("GET", path, headers=headers, params=params)

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        async def sent() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{PORT}") as opened:
                return await opened.request(method, path, headers=headers, params=params)

        return asyncio.run(sent())


@pytest.fixture(scope="module")
def client() -> Client:
    nobody = Answers(Address(host="127.0.0.1", port=9, user="default"))
    return Client(build_app(read_shelf(FOLDER), nobody, port=PORT))


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"LOCALHOST:{PORT}", f"[::1]:{PORT}"])
def test_this_machine_gets_in(client: Client, host: str) -> None:
    assert client.get("/api/screens", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", ""])
@pytest.mark.parametrize("path", ["/", "/api/screens", "/static/preview.js", "/nowhere"])
def test_a_name_that_was_bound_to_this_address_does_not(client: Client, host: str, path: str) -> None:
    assert client.get(path, headers={"host": host}).status_code == 421


@pytest.mark.parametrize(("site", "status"), [("same-origin", 200), ("cross-site", 403), ("same-site", 403)])
def test_other_pages_may_not_ask(client: Client, site: str, status: int) -> None:
    assert client.get("/api/screens", headers={"sec-fetch-site": site}).status_code == status


@pytest.mark.parametrize("path", ["/", "/api/screens", "/static/preview.css", "/nowhere"])
def test_no_answer_lets_the_page_reach_elsewhere(client: Client, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy.pop("default-src") == "'none'"
    assert set(policy.values()) <= {"'self'", "'none'"}
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


def test_what_is_not_there_or_not_allowed_is_said(client: Client) -> None:
    assert client.get("/api/screens/none").status_code == 404
    assert client.get("/api/screens/none/stream").status_code == 404
    refused = client.get("/api/screens/xpulse-targets/stream?from=yesterday")
    assert (refused.status_code, refused.text) == (
        400,
        "from is 'yesterday'; allowed: now, now-15m (s, m, h, d, w), or milliseconds UTC\n",
    )
    assert client.get("/api/screens/xpulse-targets/stream", params={"var-tenant": "x" * 5000}).status_code == 400
    assert client.send("POST", "/api/screens").status_code == 405
    assert client.get("/static/../app.py").status_code == 404


def test_the_page_names_no_other_host_and_the_library_has_its_licence() -> None:
    for path in STATIC.iterdir():
        if path.suffix in (".html", ".css", ".js") and not path.name.startswith("uplot"):
            assert "://" not in path.read_text().replace("https?:\\/\\/", ""), path.name
    assert "MIT License" in (STATIC / "uplot-LICENSE.txt").read_text()
