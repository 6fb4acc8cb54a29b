"""The words that a column of fixed choices may hold in this installation, as ``realtime_word`` has them.

Which words there are is the database's to say: an enum, a check constraint, or the rows. Their order, their labels,
their colours and which of them count as open are kept in the admin.
"""

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import count
from typing import Any

from django.db import DatabaseError, InterfaceError, connection

from realtime.database.columns import Column, column_of
from realtime.database.event_loop import in_event_loop

# Beyond this many different values, a column holds no fixed choices.
LEARNED_LIMIT = 50

_OPEN = "open new todo to-do started active assigned in-progress progress pending waiting on-hold hold reopened triage"
_DONE = "done closed resolved solved finished completed complete cancelled canceled rejected wontfix wont-fix"
_WAITING = "pending waiting on-hold hold blocked"
_SOLVED = "done resolved solved finished completed complete"
# Low to high.
_URGENCY = (
    "lowest trivial",
    "low minor p4 p5",
    "normal medium default p3 moderate",
    "high major p2 important",
    "urgent critical highest blocker p1 p0 emergency",
)


@dataclass(frozen=True, slots=True)
class Word:
    """A value as the column holds it, and how people see it."""

    value: str
    label: str
    colour: str = "grey"
    is_open: bool = False


READ_WORDS = "select table_name, column_name, value, label, colour, is_open from realtime_word order by position, id"

Words = Mapping[tuple[str, str], tuple[Word, ...]]
_declared: dict[tuple[str, str], tuple[Word, ...]] = {}


@dataclass(frozen=True, slots=True)
class _Known:
    """What the table says. ``signature`` differs whenever a word looks different."""

    words: Words
    signature: str


class _OfThread(threading.local):
    """What the table said when this thread last read it: its transaction may be older than another thread's."""

    generation = -1
    rows: list[tuple[Any, ...]] | None = None
    known = _Known({}, "")


_of_thread = _OfThread()
_generations = count()
_generation = [next(_generations)]
# What any thread of this process has read last.
_latest: list[_Known] = []


def declare(table: str, column: str, words: Sequence[Word]) -> None:
    """The words of tables that our migrations make."""
    _declared[table, column] = tuple(words)


def declared_columns() -> tuple[tuple[str, str], ...]:
    """The columns that have words, with their tables."""
    return tuple(_declared)


def has_open_words(table: str, column: str) -> bool:
    """Whether its words are a row's progress: some of them say that something is still to be done."""
    return any(word.is_open for word in _declared.get((table, column), ()))


def words_of(table: str, column: str) -> tuple[Word, ...]:
    """In their order; those that were declared where the table has none."""
    return _known().words.get((table, column)) or _declared.get((table, column), ())


def word_of(table: str, column: str, value: str | None) -> Word:
    """The word of a value; one that isn't known shows the value itself."""
    known = {word.value: word for word in words_of(table, column)}
    unknown = Word(value or "", value or "–")
    return unknown if value is None else known.get(value, unknown)


def open_words(table: str, column: str) -> tuple[Word, ...]:
    return tuple(word for word in words_of(table, column) if word.is_open)


def signature() -> str:
    """Differs whenever a word looks different: what was rendered before is void then."""
    return _known().signature


def forget_words(**_: object) -> None:
    """Has every thread read them again when it next needs them: at each request, say."""
    _generation[0] = next(_generations)


def forget_words_here() -> None:
    """Has this thread alone read them again: in a transaction of its own, so that they fit the rows that it reads."""
    _of_thread.generation = -1


def note_words_here(rows: list[tuple[Any, ...]]) -> None:
    """What this thread has just read by ``READ_WORDS``, along with something else."""
    if rows != _of_thread.rows:
        _of_thread.known, _of_thread.rows = _understood(rows), rows
    _of_thread.generation = _generation[0]
    _latest[:] = [_of_thread.known]


def _known() -> _Known:
    if in_event_loop():
        # It can't ask the database, and only has to know which words there are: what was read last will do.
        if not _latest:
            first = threading.Thread(target=_read_once)
            first.start()
            first.join()
        return _latest[0] if _latest else _of_thread.known
    generation = _generation[0]
    if _of_thread.generation != generation:
        with connection.cursor() as cursor:
            cursor.execute(READ_WORDS)
            note_words_here(cursor.fetchall())
        # Forgotten again meanwhile, it is read again.
        _of_thread.generation = generation
    return _of_thread.known


def _read_once() -> None:
    """On a thread that ends with it."""
    with suppress(DatabaseError, InterfaceError), closing(connection):
        _known()


def _understood(rows: list[tuple[Any, ...]]) -> _Known:
    found: dict[tuple[str, str], tuple[Word, ...]] = {}
    for table, column, *word in rows:
        found[table, column] = (*found.get((table, column), ()), Word(*word))
    return _Known(found, blake2b(repr(sorted(found.items())).encode(), digest_size=6).hexdigest())


# Filling it


_CONSTRAINTS = """
select pg_get_constraintdef(oid) from pg_constraint
where conrelid = to_regclass(quote_ident(%s)) and contype = 'c' and cardinality(conkey) = 1
  and conkey[1] = (select attnum from pg_attribute where attrelid = conrelid and attname = %s)
"""
_TEXT = re.compile(r"'((?:[^']|'')*)'")
# Only a list of values: any other condition doesn't name all of them.
_LISTED = re.compile(r"^CHECK \(\(+\w+\)?(?:::\w+)? = ANY \(|^CHECK \(\(+\w+\)?(?:::[\w ]+)? = '")


def allowed(table: str, column: str) -> list[str] | None:
    """The values that the database allows, by an enum or a check constraint; None where it allows any."""
    told = column_of(table, column)
    if told.is_enum:
        return list(told.labels)
    with connection.cursor() as cursor:
        cursor.execute(_CONSTRAINTS, [table, column])
        for (condition,) in cursor.fetchall():
            if _LISTED.match(condition):
                return list(dict.fromkeys(texts_in(condition)))
    return None


def texts_in(expression: str) -> list[str]:
    """The texts in an expression as PostgreSQL writes it."""
    return [text.replace("''", "'") for text in _TEXT.findall(expression)]


def found_values(table: str, column: str) -> list[str]:
    """The values of the rows, the most frequent first; none where there are too many for fixed choices."""
    name, place = connection.ops.quote_name(column), connection.ops.quote_name(table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {name}::text from {place} where {name} is not null group by 1 order by count(*) desc, 1"
            f" limit {LEARNED_LIMIT + 1}"
        )
        values = [value for (value,) in cursor.fetchall()]
    return values if len(values) <= LEARNED_LIMIT else []


def can_hold(table: str, column: str, value: str) -> bool:
    """Whether the database takes it. In an event loop that can't be asked: values come from signed tokens there."""
    if in_event_loop():
        return True
    told = allowed(table, column)
    return "\0" not in value if told is None else value in told


def is_used(table: str, column: str, value: str) -> bool:
    name, place = connection.ops.quote_name(column), connection.ops.quote_name(table)
    with connection.cursor() as cursor:
        cursor.execute(f"select exists (select from {place} where {name}::text = %s)", [value])
        return bool(cursor.fetchone()[0])


def learn_words(table: str, column: str) -> None:
    """Adds the words that the column may hold, or holds, and that aren't known; keeps what is known as it is."""
    words = guessed(allowed(table, column) or found_values(table, column), _declared.get((table, column), ()))
    add_words(table, column, words)


def add_words(table: str, column: str, words: Iterable[Word]) -> None:
    """Behind those that are there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select coalesce(max(position), 0) from realtime_word where table_name = %s and column_name = %s",
            [table, column],
        )
        for position, word in zip(count(cursor.fetchone()[0] + 1), words, strict=False):
            cursor.execute(
                "insert into realtime_word (table_name, column_name, value, label, position, colour, is_open)"
                " values (%s, %s, %s, %s, %s, %s, %s) on conflict (table_name, column_name, value) do nothing",
                [table, column, word.value, word.label, position, word.colour, word.is_open],
            )
    forget_words()


def guessed(values: Sequence[str], known: Sequence[Word]) -> list[Word]:
    """Words for values: as ``known`` where they are ours, otherwise by what such words usually mean.

    Values that are ranks come from low to high, those that aren't known keep their order before them.
    """
    ours = {word.value: word for word in known}
    words = [ours.get(value) or Word(value, _label(value), _colour(value), _is_open(value)) for value in values]
    if known and not any(word.is_open for word in known):
        return sorted((replace(word, is_open=False) for word in words), key=lambda word: _rank(word.value))
    if known and not any(word.is_open for word in words) and words:
        # Something has to be a new ticket's.
        words[0] = replace(words[0], is_open=True)
    return sorted(words, key=lambda word: not word.is_open) if known else words


def _plain(value: str) -> str:
    return re.sub(r"[\s_]+", "-", re.sub("['’]", "", value).strip().lower())


def _label(value: str) -> str:
    told = re.sub(r"[\s_]+", " ", value).strip()
    return (told[:1].upper() + told[1:]) or "(empty)"


def _is_open(value: str) -> bool:
    plain = _plain(value)
    return plain in _OPEN.split() or not (plain in _DONE.split() or plain in ("", "archived", "spam"))


def _colour(value: str) -> str:
    plain = _plain(value)
    rank = _rank(value)
    if rank >= 0:
        return ("grey", "grey", "grey", "amber", "red")[rank]
    if plain in _SOLVED.split():
        return "green"
    if plain in _WAITING.split():
        return "amber"
    return "blue" if plain in _OPEN.split() else "grey"


def _rank(value: str) -> int:
    plain = _plain(value)
    return next((rank for rank, words in enumerate(_URGENCY) if plain in words.split()), -1)


def rank_sql(sql: str, column: Column, words: Iterable[str]) -> str:
    """A word's place in a sequence, from 1; 0 for any other and for NULL. The same text as in an index by it."""
    told = ", ".join(
        "'" + word.replace("'", "''") + "'" for word in words if not column.is_enum or word in column.labels
    )
    kind = column.type if column.is_enum else "text"
    plain = sql if column.is_enum else f"{sql}::text"
    return f"coalesce(array_position(array[{told}]::{kind}[], {plain}), 0)"
