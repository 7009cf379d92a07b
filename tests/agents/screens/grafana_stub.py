"""A Grafana that records what it is asked and answers as its API's documentation says; it draws nothing."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PLAYLISTS = "/apis/playlist.grafana.app/v1/namespaces/default/playlists"
TOKEN = "glsa_secret"


@dataclass
class GrafanaStub:
    """What the server holds, and every request: (method, path, body).

    Attributes:
        major: 11 has the old playlists only; 12 and later have the new ones.
        failing: Path -> status with which it is refused.
    """

    major: int = 13
    port: int = 0
    prefix: str = ""
    folders: dict[str, Any] = field(default_factory=dict)
    dashboards: dict[str, Any] = field(default_factory=dict)
    playlists: dict[str, Any] = field(default_factory=dict)
    annotations: dict[int, Any] = field(default_factory=dict)
    snapshots: list[Any] = field(default_factory=list)
    failing: dict[str, int] = field(default_factory=dict)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def written(self) -> list[tuple[str, str]]:
        """Return method and path of every request that changes something."""
        return [(method, path) for method, path, _ in self.requests if method != "GET"]

    def answer(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        path = urlsplit(target).path.removeprefix(self.prefix)
        self.requests.append((method, target.removeprefix(self.prefix), body))
        if path in self.failing:
            return self.failing[path], {"message": "refused"}
        for start, handle in (
            ("/api/folders", self._folders), ("/api/dashboards/", self._dashboards), (PLAYLISTS, self._new_playlists),
            ("/api/playlists", self._old_playlists), ("/api/annotations", self._annotations),
            ("/api/snapshots", self._snapshots),
        ):  # fmt: skip
            if path.startswith(start):
                return handle(method, path.removeprefix(start).strip("/"), body, parse_qs(urlsplit(target).query))
        return 404, {"message": "Not found"}

    def _folders(self, method: str, uid: str, body: Any, _: Any) -> tuple[int, Any]:
        if method == "POST":
            assert set(body) == {"uid", "title"}
            self.folders[body["uid"]] = body
            return 200, {**body, "id": 1}
        return (200, self.folders[uid]) if uid in self.folders else (404, {"message": "folder not found"})

    def _dashboards(self, method: str, path: str, body: Any, _: Any) -> tuple[int, Any]:
        if method == "POST":
            assert path == "db"
            assert body["overwrite"] is True
            assert body["dashboard"]["id"] is None
            assert body["folderUid"] in self.folders
            uid = body["dashboard"]["uid"]
            version = self.dashboards.get(uid, {}).get("dashboard", {}).get("version", 0) + 1
            stored = {**body["dashboard"], "id": 7, "version": version, "graphTooltip": 0}
            self.dashboards[uid] = {"dashboard": stored, "meta": {"folderUid": body["folderUid"]}}
            return 200, {"uid": uid, "status": "success", "version": version}
        uid = path.removeprefix("uid/")
        return (200, self.dashboards[uid]) if uid in self.dashboards else (404, {"message": "Dashboard not found"})

    def _new_playlists(self, method: str, uid: str, body: Any, _: Any) -> tuple[int, Any]:
        if self.major < 12:
            return 404, {"message": "Not found"}
        if method == "GET":
            return 200, {"kind": "PlaylistList", "items": list(self.playlists.values())}
        assert set(body["spec"]) == {"title", "interval", "items"}
        assert body["kind"] == "Playlist"
        name = body["metadata"]["name"]
        assert uid == ("" if method == "POST" else name)
        version = str(int(self.playlists.get(name, {}).get("metadata", {}).get("resourceVersion", "0")) + 1)
        self.playlists[name] = {**body, "metadata": {"name": name, "resourceVersion": version}}
        return 201, self.playlists[name]

    def _old_playlists(self, method: str, uid: str, body: Any, _: Any) -> tuple[int, Any]:
        if method == "GET":
            listed = [{name: one[name] for name in ("uid", "name", "interval")} for one in self.playlists.values()]
            return (200, self.playlists[uid]) if uid else (200, listed)
        assert set(body) == {"name", "interval", "items"}
        uid = uid or f"p{len(self.playlists)}"
        items = [{**item, "id": number, "order": number} for number, item in enumerate(body["items"], start=1)]
        self.playlists[uid] = {**body, "uid": uid, "items": items}
        return 200, self.playlists[uid]

    def _annotations(self, method: str, number: str, body: Any, query: Any) -> tuple[int, Any]:
        if method == "GET":
            assert query["tags"] == ["xpulse"]
            inside = range(int(query["from"][0]), int(query["to"][0]) + 1)
            return 200, [one for one in self.annotations.values() if one["time"] in inside]
        identity = int(number) if number else len(self.annotations) + 1
        self.annotations[identity] = {"timeEnd": body["time"], **body, "id": identity}
        return 200, {"id": identity, "message": "Annotation added"}

    def _snapshots(self, method: str, _: str, body: Any, __: Any) -> tuple[int, Any]:
        assert method == "POST"
        assert set(body) == {"dashboard", "name", "expires"}
        self.snapshots.append(body)
        return 200, {"key": "k", "url": f"{self.address}/dashboard/snapshot/k"}


@contextmanager
def running_stub(major: int = 13, prefix: str = "") -> Iterator[GrafanaStub]:
    """Serve a stub on a port of its own."""
    stub = GrafanaStub(major=major, prefix=prefix)

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            is_known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            status, found = stub.answer(self.command, self.path, body) if is_known else (401, {"message": "no"})
            content = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stub.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()
