"""The page about the gateway's interface: plain HTML without scripts, readable on a machine without internet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from agents.gateway.documents import EXAMPLES, NOTES, schemas
from agents.gateway.intake import DOORS, Door

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{background:#f4f4f4;padding:1rem;overflow-x:auto}td,th{text-align:left;padding:.2rem 1rem .2rem 0}"
)


def page() -> str:
    """Return the whole page."""
    found = schemas()
    doors = "".join(_section(door, found[door.kind.__name__]) for door in DOORS.values())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>xpulse gateway</title>'
        f"<style>{_STYLE}</style></head><body><h1>xpulse gateway</h1><p>{_prose(NOTES)}</p>"
        f'<p>The same for machines: <a href="/openapi.json">/openapi.json</a>. Metrics by OTLP/HTTP: '
        f"<code>POST /v1/metrics</code>. State: <code>/healthz</code>, <code>/readyz</code>, <code>/metrics</code>.</p>"
        f"{doors}</body></html>"
    )


def _section(door: Door, schema: Mapping[str, Any]) -> str:
    example = escape(json.dumps(EXAMPLES[door.name], indent=2))
    fields = "".join(_field(name, rule, name in schema["required"]) for name, rule in schema["properties"].items())
    return (
        f'<h2 id="{door.name}">POST /v1/{door.name}</h2><p>{escape(schema["description"].splitlines()[0])}</p>'
        f"<pre>{example}</pre><table><tr><th>field</th><th>required</th><th>allowed</th></tr>{fields}</table>"
    )


def _field(name: str, rule: Mapping[str, Any], is_required: bool) -> str:
    cells = (f"<code>{escape(name)}</code>", "yes" if is_required else "", escape(_allowed(rule)))
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _allowed(rule: Mapping[str, Any]) -> str:
    """Return a field's rule in words."""
    if "anyOf" in rule:
        return " or ".join(_allowed(one) for one in rule["anyOf"])
    if "enum" in rule:
        return ", ".join(map(str, rule["enum"]))
    kind = f"list of {_allowed(rule['items'])}" if rule.get("type") == "array" else str(rule.get("type", "any"))
    limits = [f"{word} {rule[key]}" for key, word in _LIMITS.items() if key in rule]
    return ", ".join([kind, *limits])


_LIMITS = {
    "minLength": "at least this long:",
    "maxLength": "at most this long:",
    "minimum": "from",
    "maximum": "to",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
    "maxItems": "at most this many:",
}


def _prose(text: str) -> str:
    """Return text with its `code` marked up."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
