"""One person in several tabs is one person, and what concerns others most is what they are told."""

import random
from itertools import product

import pytest

from realtime.live.records import field_words, seeing
from realtime.live.whereabouts import Doing, Stay, Whereabouts, gathered, merged

RECORD = ("tickets", "7d1f6f3c-6a56-4c5e-9c8e-0d7f0f4f3a11")
STAYS = [Stay(doing, idle, field) for doing, idle in product(Doing, (False, True)) for field in ("", "title")]


def test_it_does_not_matter_in_which_order_tabs_and_processes_are_heard() -> None:
    chance = random.Random(32)
    for _ in range(300):
        stays = [chance.choice(STAYS) for _ in range(chance.randint(1, 4))]
        found = merged(stays)
        assert merged(chance.sample(stays, len(stays))) == found
        # Merged per process and then again is merged at once.
        cut = chance.randint(1, len(stays))
        halves = [merged(half) for half in (stays[:cut], stays[cut:]) if half]
        assert (merged(halves).doing, merged(halves).idle) == (found.doing, found.idle)
        assert found.idle == all(stay.idle for stay in stays)
        assert list(Doing).index(found.doing) == max(list(Doing).index(stay.doing) for stay in stays)


def test_each_person_is_there_once_and_the_busy_come_first() -> None:
    said = [
        Whereabouts(RECORD, "1", "Anna", Stay(Doing.VIEWING)),
        Whereabouts(RECORD, "2", "Ben", Stay(Doing.VIEWING, idle=True)),
        Whereabouts(RECORD, "3", "Clara", Stay(Doing.WRITING)),
        Whereabouts(RECORD, "1", "Anna", Stay(Doing.EDITING, field="title")),
        Whereabouts(("tickets", "another"), "1", "Anna", Stay()),
    ]
    found = gathered(said)
    assert [(one.name, one.stay.doing) for one in found[RECORD]] == [
        ("Clara", Doing.WRITING),
        ("Anna", Doing.EDITING),
        ("Ben", Doing.VIEWING),
    ]
    assert [one.name for one in found["tickets", "another"]] == ["Anna"]


@pytest.mark.parametrize("stay", STAYS, ids=str)
def test_what_processes_tell_each_other_is_what_was_meant(stay: Stay) -> None:
    one = Whereabouts(RECORD, "1", "Anna Å", stay)
    assert Whereabouts.unpacked(one.packed()) == one


@pytest.mark.parametrize(
    ("table", "field", "words"),
    [
        ("tickets", "title", "title"),
        ("tickets", "assigned_to", "assignee"),
        ("acquisitions", "total_amount", "total amount"),
        ("acquisitions", "customer", "customer"),
        ("tickets", "revision", ""),
        ("tickets", "files", ""),
    ],
)
def test_a_field_is_told_in_words_and_only_if_the_table_has_it(table: str, field: str, words: str) -> None:
    assert field_words(table, field) == words


def test_seeing_a_record_takes_the_right_to_view_its_kind() -> None:
    assert seeing("tickets") == "ticketing.view_ticket"
