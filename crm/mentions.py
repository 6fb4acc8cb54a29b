"""Mentions: ``@username`` in a text. Who is meant, and who may be: the people with the rights to see what it is about.

A name that is a mail address can't be mentioned: in a text it is an address.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.db.models.functions import Lower

from realtime.live.people import named

# What comes before it would make it a part of something else: an address, a path, a word.
MENTION = re.compile(r"(?<![\w@./+-])@([\w.+-]*\w)(?![\w@]|[.+-]+[\w@])")
# The usernames that can be written so.
MENTIONABLE = r"^[\w.+-]*\w$"


@dataclass(frozen=True, slots=True)
class Person:
    """``key`` and ``name`` of whoever is mentioned."""

    key: str
    name: str


# By the username in lower case.
People = Mapping[str, Person]


def split(text: str) -> Iterator[tuple[str, str]]:
    """The text in pieces, each with the name that it mentions, in lower case; empty for what mentions nobody."""
    end = 0
    for found in MENTION.finditer(text):
        if found.start() > end:
            yield text[end : found.start()], ""
        yield found.group(), found.group(1).lower()
        end = found.end()
    if end < len(text):
        yield text[end:], ""


def those_with(permissions: Iterable[str]) -> "QuerySet[Any]":
    """Active people who have every one of these rights, with their ``shown_name``; one query for all of them."""
    users: Any = get_user_model()._default_manager
    people = named()
    for permission in permissions:
        people = people.filter(pk__in=users.with_perm(permission).values("pk"))
    return people


def mentioned(names: Iterable[str], permissions: Sequence[str]) -> dict[str, Person]:
    """The people with these rights who are called so, by username in lower case."""
    wanted = set(names)
    if not wanted:
        return {}
    found = those_with(permissions).alias(lowered=Lower("username")).filter(lowered__in=wanted)
    # Two names may differ in their case alone: then nobody knows who is meant, and the first one isn't better.
    people: dict[str, Person] = {}
    doubtful: set[str] = set()
    for key, username, name in found.values_list("pk", "username", "shown_name"):
        lowered = username.lower()
        doubtful |= {lowered} & people.keys()
        people[lowered] = Person(str(key), name)
    return {lowered: person for lowered, person in people.items() if lowered not in doubtful}
