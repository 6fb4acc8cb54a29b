"""Amounts as people and spreadsheets write them: 1234.5, 1.234,50, 1’234.50."""

import re

_DIGITS = re.compile(r"[+-]?\d+([.,]\d+)?")


class Ambiguous(Exception):
    """Holds the two numbers that a text may mean."""


def plain_number(text: str) -> str:
    """The amount with a decimal point and nothing else; a text that is no amount is returned as it is.

    Raises ``Ambiguous`` where a comma or point may divide thousands or be the decimal one.
    """
    told = re.sub(r"[\s'’]", "", text)
    commas, points = told.count(","), told.count(".")
    if commas and points:
        decimal, thousands = (",", ".") if told.rindex(",") > told.rindex(".") else (".", ",")
        told = told.replace(thousands, "") if _grouped(told.partition(decimal)[0], thousands) else told
    elif commas > 1 or points > 1:
        thousands = "," if commas else "."
        told = told.replace(thousands, "") if _grouped(told, thousands) else told
    elif commas and _grouped(told, ","):
        raise Ambiguous(told.replace(",", ""), told.replace(",", "."))
    return told.replace(",", ".") if _DIGITS.fullmatch(told) else text


def _grouped(text: str, thousands: str) -> bool:
    head, *groups = text.lstrip("+-").split(thousands)
    return 0 < len(head) <= 3 and head != "0" and all(len(group) == 3 for group in groups)
