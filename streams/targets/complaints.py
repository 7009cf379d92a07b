"""What is wrong with a target file, in words that help: the key in front, the allowed values behind."""

import re
from typing import Any

from streams.targets.periods import DAY_PATTERN, DURATION_PATTERN
from streams.targets.spec import ROUTE_PATTERN, json_schema

_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at (?P<key>`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_PATTERNS = {
    DURATION_PATTERN: "a whole number and s, m, h or d, such as 30s or 7d",
    DAY_PATTERN: "a date such as 2027-01-31",
    ROUTE_PATTERN: "small letters and digits, with single hyphens, dots or underscores between them",
}
_RANGES = (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"), ("exclusiveMaximum", "below"))


def explained(message: str, document: Any) -> str:
    """Return msgspec's complaint about a document as `key: what is wrong; allowed: ...`.

    Args:
        message: Text of a `msgspec.ValidationError` of `TargetFile`.
        document: What was converted.
    """
    found = _MESSAGE.fullmatch(message)
    if found is None:  # the pattern takes any text
        return message
    keys = re.findall(r"[^.\[\]]+|\.\.\.", found["path"] or "")
    node = _node(keys, document)
    allowed = _words(node.get("propertyNames", {}) if found["key"] else node)
    what = re.sub(r"Expected `str` matching regex .*", "not of the right form", found["what"])
    shown = ".".join("(any key)" if key == "..." else key for key in keys) or "the file"
    return f"{shown}: {what}{'; allowed: ' + allowed if allowed else ''}"


def _node(keys: list[str], document: Any) -> dict[str, Any]:
    """Return the schema at a path of the document; empty if the path leaves it."""
    root = json_schema()
    node, here = _followed(root, root, document), document
    for key in keys:
        if key == "kind" and "enum" in node:
            return node
        here = here.get(key) if isinstance(here, dict) else None
        inner = node.get("properties", {}).get(key) or node.get("additionalProperties") or node.get("items")
        node = _followed(root, inner if isinstance(inner, dict) else {}, here)
    return node


def _followed(root: dict[str, Any], node: dict[str, Any], here: Any) -> dict[str, Any]:
    """Follow references, optional values, and the branch of a tagged union that the document chose."""
    while "$ref" in node:
        node = root["$defs"][node["$ref"].rsplit("/", 1)[1]]
    mapping = node.get("discriminator", {}).get("mapping", {})
    kind = here.get("kind") if isinstance(here, dict) else None
    if kind in mapping:
        return _followed(root, {"$ref": mapping[kind]}, here)
    if mapping:
        return {"enum": list(mapping)}
    options = [option for option in node.get("anyOf", []) if option.get("type") != "null"]
    return _followed(root, options[0], here) if len(options) == 1 else node


def _words(node: dict[str, Any]) -> str:
    if "enum" in node:
        return ", ".join(map(str, node["enum"]))
    if "properties" in node:
        return ", ".join(node["properties"])
    if "pattern" in node:
        return _PATTERNS.get(node["pattern"], "small letters, digits and single hyphens or underscores")
    bounds = [f"{word} {node[bound]:g}" for bound, word in _RANGES if bound in node]
    return f"numbers {' '.join(bounds)}" if bounds else ""
