"""Text values of PostgreSQL as JSON text, the way the real server writes them (supabase-facts.md 3.3, tests/records).

The session that reads the WAL must use UTC, ISO dates, postgres intervals and hex bytea.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class PgType:
    """A type as values need it: domains are resolved to their base type, arrays know their element."""

    name: str
    element: "PgType | None" = None
    delimiter: str = ","


_NOT_NUMBERS: Final = frozenset({"NaN", "Infinity", "-Infinity"})


def to_json(text: str | None, kind: PgType) -> str:
    """Return the value as JSON text."""
    if text is None:
        return "null"
    if kind.element is not None and text[:1] in ("{", "["):
        return _array(parse_array(text, kind.element.delimiter), kind.element)
    match kind.name:
        case "bool":
            return "true" if text == "t" else "false"
        case "int2" | "int4" | "int8" | "jsonb":
            return text
        case "numeric":
            return "null" if text in _NOT_NUMBERS else text
        case "float4" | "float8":
            return _float(text)
        case "json":
            return dump_jsonb(json.loads(text, parse_float=Decimal))
        case "timestamptz":
            return json_text(_timestamptz(text))
        case "timestamp":
            return json_text(text.replace(" ", "T", 1))
        case "bytea":
            return json_text(text.removeprefix("\\x"))
        case _:
            return json_text(text)


def json_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def json_object(members: dict[str, str]) -> str:
    """Join JSON texts to an object in jsonb's key order: shorter names first, then bytewise."""
    ordered = sorted(members, key=lambda name: (len(name.encode()), name.encode()))
    return "{" + ", ".join(f"{json_text(name)}: {members[name]}" for name in ordered) + "}"


def dump_jsonb(value: Any) -> str:
    """Write a parsed json value as jsonb would print it."""
    if isinstance(value, dict):
        return json_object({name: dump_jsonb(member) for name, member in value.items()})
    if isinstance(value, list):
        return "[" + ", ".join(map(dump_jsonb, value)) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=False)


def _float(text: str) -> str:
    # jsonb keeps numbers as numeric: no exponent is ever printed.
    return "null" if text in _NOT_NUMBERS else format(Decimal(text), "f")


def _timestamptz(text: str) -> str:
    if text in ("infinity", "-infinity"):
        return text
    moment, era = (text[:-3], " BC") if text.endswith(" BC") else (text, "")
    moment = moment.replace(" ", "T", 1)
    return moment + (":00" if moment[-3] in "+-" else "") + era


def _array(items: list[Any], element: PgType) -> str:
    parts = (_array(item, element) if isinstance(item, list) else to_json(item, element) for item in items)
    return "[" + ", ".join(parts) + "]"


def parse_array(text: str, delimiter: str = ",") -> list[Any]:
    """Parse PostgreSQL's array text into nested lists of str | None."""
    if text.startswith("["):
        text = text[text.index("=") + 1 :]
    stack: list[list[Any]] = []
    at = 0
    while at < len(text):
        match text[at]:
            case "{":
                stack.append([])
                at += 1
            case "}":
                done = stack.pop()
                if not stack:
                    return done
                stack[-1].append(done)
                at += 1
            case '"':
                item, at = _quoted(text, at + 1)
                stack[-1].append(item)
            case char if char == delimiter:
                at += 1
            case _:
                end = min(found for found in (text.find(delimiter, at), text.find("}", at)) if found >= 0)
                stack[-1].append(None if text[at:end] == "NULL" else text[at:end])
                at = end
    raise ValueError("array text without an end")


def _quoted(text: str, at: int) -> tuple[str, int]:
    item: list[str] = []
    while text[at] != '"':
        at += text[at] == "\\"
        item.append(text[at])
        at += 1
    return "".join(item), at + 1
