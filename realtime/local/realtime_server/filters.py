"""Filters of a binding: `column=op.value`, `not.` in front of the operator, several joined by commas (facts 1.2).

PostgreSQL itself compares (`SQL_TESTS`), so that `10` is greater than `9` for an int and smaller for a text.
"""

from dataclasses import dataclass
from typing import Final

from realtime.local.realtime_server.values import json_text

# `v` is the row's value and `f` the filter's, both text; {type} is the column's type, quoted by the caller.
SQL_TESTS: Final = {
    "eq": "v::{type} = f::{type}",
    "neq": "v::{type} <> f::{type}",
    "lt": "v::{type} < f::{type}",
    "lte": "v::{type} <= f::{type}",
    "gt": "v::{type} > f::{type}",
    "gte": "v::{type} >= f::{type}",
    "in": "v::{type} = any(f::{type}[])",
    "like": "v like f",
    "ilike": "v ilike f",
    "match": "v ~ f",
    "imatch": "v ~* f",
    "isdistinct": "v::{type} is distinct from f::{type}",
    "is": "case f when 'null' then v is null else v::{type}::text = f end",
}
UNTYPED_OPERATORS: Final = frozenset({"like", "ilike", "match", "imatch", "is"})


class FilterError(ValueError):
    """The filter can't be parsed; the text is the sentence the client gets."""


@dataclass(frozen=True, slots=True)
class Filter:
    column: str
    operator: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        """As the real server prints it in its error sentences: an Elixir tuple."""
        texts = ", ".join(json_text(part) for part in (self.column, self.operator, self.value))
        return f"{{{texts}, {str(self.negated).lower()}}}"


def parse(text: str) -> tuple[Filter, ...]:
    return tuple(_parse_one(part) for part in split_outside_brackets(text))


def _parse_one(text: str) -> Filter:
    column, equals, condition = text.partition("=")
    if not equals or not column:
        raise _error([text])
    negated = condition.startswith("not.")
    operator, dot, value = condition.removeprefix("not.").partition(".")
    if operator not in SQL_TESTS or not dot:
        raise _error([operator, value] if dot else [operator])
    return Filter(column.strip(), operator, _list_literal(value) if operator == "in" else _unquote(value), negated)


def _error(parts: list[str]) -> FilterError:
    return FilterError(f"Error parsing `filter` params: [{', '.join(map(json_text, parts))}]")


def _list_literal(value: str) -> str:
    """`(a,"b,c")` as a PostgreSQL array literal."""
    if not (value.startswith("(") and value.endswith(")")):
        raise _error(["in", value])
    items = [_unquote(item) for item in split_outside_brackets(value[1:-1])]
    return "{" + ",".join(_array_item(item) for item in items) + "}"


def _array_item(item: str) -> str:
    if item and item.lower() != "null" and not set(item) & set('{}," \\\t\n'):
        return item
    return '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unquote(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return text


def split_outside_brackets(text: str) -> list[str]:
    """Split at commas that are inside neither parentheses nor double quotes."""
    parts, depth, quoted, start, previous = [], 0, False, 0, ""
    for at, char in enumerate(text):
        if char == '"' and previous != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")
            if char == "," and depth == 0:
                parts.append(text[start:at])
                start = at + 1
        previous = char
    return [*parts, text[start:]]
