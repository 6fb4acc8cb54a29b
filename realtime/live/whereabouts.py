"""Who is at which record and what they do there: plain values, merged over tabs and web processes (design rule 32)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# A record, as (table, key).
Record = tuple[str, str]


class Doing(StrEnum):
    """What somebody does at a record, from what concerns others least to what concerns them most."""

    VIEWING = "viewing"
    EDITING = "editing"
    WRITING = "writing"


@dataclass(frozen=True, slots=True)
class Stay:
    """What a person does at a record. ``field`` is what people call the field that is being edited, or empty."""

    doing: Doing = Doing.VIEWING
    idle: bool = False
    field: str = ""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """One person at one record, as one tab or one web process says it."""

    record: Record
    user: str
    name: str
    stay: Stay

    def packed(self) -> list[Any]:
        """As web processes tell each other."""
        return [*self.record, self.user, self.name, self.stay.doing.value, self.stay.idle, self.stay.field]

    @classmethod
    def unpacked(cls, told: list[Any]) -> "Whereabouts":
        """Raises TypeError or ValueError for what this version doesn't understand."""
        table, key, user, name, doing, idle, field = told
        return cls((table, key), user, name, Stay(Doing(doing), idle, field))


def merged(stays: Iterable[Stay]) -> Stay:
    """What a person does who has several tabs: the one that concerns others most counts, idle only if all are."""
    stays = list(stays)
    most = max(stays, key=lambda stay: (_rank(stay.doing), not stay.idle, stay.field))
    return Stay(most.doing, all(stay.idle for stay in stays), most.field)


def gathered(said: Iterable[Whereabouts]) -> dict[Record, list[Whereabouts]]:
    """Each person once per record; those first whom others want to know of most."""
    tabs: defaultdict[tuple[Record, str], list[Whereabouts]] = defaultdict(list)
    for one in said:
        tabs[one.record, one.user].append(one)
    found: defaultdict[Record, list[Whereabouts]] = defaultdict(list)
    for (record, user), several in tabs.items():
        # Two processes may have read a new name at different times.
        name = max(one.name for one in several)
        found[record].append(Whereabouts(record, user, name, merged(one.stay for one in several)))
    for people in found.values():
        people.sort(key=_order)
    return dict(found)


def _order(one: Whereabouts) -> tuple[Any, ...]:
    return (one.stay.idle, -_rank(one.stay.doing), one.name.casefold(), one.user)


def _rank(doing: Doing) -> int:
    return list(Doing).index(doing)
