"""Bringing a Grafana in line with the dashboards: folder, dashboards by uid, and the wall's playlist.

What is as it should be is left alone, so publishing twice changes nothing the second time. What is not ours is never
touched.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from agents.screens.grafana import Server
from agents.screens.wall import SECONDS_EACH, WALL

FOLDER_UID: Final = "xpulse"
PLAYLIST: Final = "xpulse wall"
PLAYLIST_UID: Final = "xpulse-wall"
PLAYLISTS: Final = "/apis/playlist.grafana.app/v1/namespaces/default/playlists"
"""Documented for Grafana 12 and later; `default` is the first organisation of a server."""
OLD_PLAYLISTS: Final = "/api/playlists"
"""Documented for Grafana 11."""

Done = Literal["created", "changed", "as it was"]
_OWN_TO_SERVER: Final = ("id", "version")


@dataclass(frozen=True, kw_only=True)
class Step:
    """What was done to one thing, or would be."""

    done: Done
    what: str

    def __str__(self) -> str:
        return f"{self.done:<9}  {self.what}"


def publish(server: Server, models: Sequence[Mapping[str, Any]], *, is_dry: bool) -> Iterator[Step]:
    """Yield what was done, thing by thing; with `is_dry` nothing is, and what would be is told.

    Raises:
        GrafanaError: No answer, or a refusal; what was done before it stays, and the next run goes on.
    """
    yield _folder(server, is_dry=is_dry)
    for model in models:
        yield _dashboard(server, model, is_dry=is_dry)
    yield _playlist(server, wall_of(models), is_dry=is_dry)


def wall_of(models: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the uids of the wall's screens, in the order in which the dashboards come."""
    return [str(model["uid"]) for model in models if WALL in model.get("tags", ())]


def _folder(server: Server, *, is_dry: bool) -> Step:
    what = f"folder {FOLDER_UID}"
    if server.get(f"/api/folders/{FOLDER_UID}") is not None:
        return Step(done="as it was", what=what)
    if not is_dry:
        server.send("POST", "/api/folders", {"uid": FOLDER_UID, "title": "xpulse"})
    return Step(done="created", what=what)


def _dashboard(server: Server, model: Mapping[str, Any], *, is_dry: bool) -> Step:
    what = f"dashboard {model['uid']}: {model['title']}"
    wanted = {name: value for name, value in model.items() if name not in _OWN_TO_SERVER}
    found = server.get(f"/api/dashboards/uid/{model['uid']}")
    in_place = found is not None and found.get("meta", {}).get("folderUid") == FOLDER_UID
    if in_place and holds(found.get("dashboard"), wanted):
        return Step(done="as it was", what=what)
    if not is_dry:
        body = {"dashboard": {**wanted, "id": None}, "folderUid": FOLDER_UID, "overwrite": True}
        server.send("POST", "/api/dashboards/db", {**body, "message": "published by xpulse"})
    return Step(done="created" if found is None else "changed", what=what)


def holds(found: object, wanted: object) -> bool:
    """Say whether everything wanted is there; Grafana may add defaults of its own.

    Example:
        >>> holds({"title": "a", "id": 7}, {"title": "a"}), holds([1, 2], [1]), holds({}, {"title": "a"})
        (True, False, False)
    """
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            name in found and holds(found[name], part) for name, part in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(holds(one, part) for one, part in zip(found, wanted, strict=True))
        )
    return found == wanted


def _playlist(server: Server, uids: Sequence[str], *, is_dry: bool) -> Step:
    what = f"playlist {PLAYLIST}: {len(uids)} screens, {SECONDS_EACH} s each"
    items = [{"type": "dashboard_by_uid", "value": uid} for uid in uids]
    listed = server.get(PLAYLISTS)
    if listed is None:
        return Step(done=_old_playlist(server, items, is_dry=is_dry), what=what)
    return Step(done=_new_playlist(server, listed.get("items") or (), items, is_dry=is_dry), what=what)


def _new_playlist(server: Server, listed: Sequence[Any], items: list[dict[str, str]], *, is_dry: bool) -> Done:
    """Bring the playlist of Grafana 12 and later in line; it has a name of ours."""
    spec = {"title": PLAYLIST, "interval": f"{SECONDS_EACH}s", "items": items}
    body = {
        "apiVersion": "playlist.grafana.app/v1",
        "kind": "Playlist",
        "metadata": {"name": PLAYLIST_UID},
        "spec": spec,
    }
    found = next((one for one in listed if one["metadata"]["name"] == PLAYLIST_UID), None)
    if found is None:
        if not is_dry:
            server.send("POST", PLAYLISTS, body)
        return "created"
    if holds(found.get("spec"), spec):
        return "as it was"
    if not is_dry:
        version = {"resourceVersion": found["metadata"].get("resourceVersion", "")}
        server.send("PUT", f"{PLAYLISTS}/{PLAYLIST_UID}", {**body, "metadata": {"name": PLAYLIST_UID, **version}})
    return "changed"


def _old_playlist(server: Server, items: list[dict[str, str]], *, is_dry: bool) -> Done:
    """Bring the playlist of Grafana 11 in line; the server chose its uid, so it is found by its name."""
    wanted = {"name": PLAYLIST, "interval": f"{SECONDS_EACH}s", "items": items}
    uid = _old_uid(server)
    if not uid:
        if not is_dry:
            server.send("POST", OLD_PLAYLISTS, wanted)
        return "created"
    if holds(server.get(f"{OLD_PLAYLISTS}/{uid}"), wanted):
        return "as it was"
    if not is_dry:
        server.send("PUT", f"{OLD_PLAYLISTS}/{uid}", wanted)
    return "changed"


def _old_uid(server: Server) -> str:
    listed = server.get(OLD_PLAYLISTS) or []
    return next((str(one["uid"]) for one in listed if one.get("name") == PLAYLIST), "")


def wall_address(server: Server, address: str) -> str:
    """Return where a browser plays the wall without menus; empty if there is no playlist yet.

    Args:
        server: Whom to ask.
        address: Of the same Grafana, for browsers.
    """
    listed = server.get(PLAYLISTS)
    uid = _old_uid(server) if listed is None else PLAYLIST_UID
    return f"{address.rstrip('/')}/playlists/play/{uid}?kiosk=1&autofitpanels&theme=dark" if uid else ""
