"""The history: who did what, when, from where, field by field, as far as the change log goes back.

It is a region like others, so an open history equals its reload. Its parameters name the kinds that its reader may
see, and it takes the right to each of them: what somebody may not see is never part of what they get.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils.text import Truncator

from realtime.database.put_back import STAMPED, may_name
from realtime.database.tables import people_table
from realtime.keys import read_key
from realtime.live.definition import Concern, Params, register
from realtime.live.log_pages import COUNT_LIMIT, ORIGINS, Asked, Doing, page_of
from realtime.live.people import is_key
from realtime.live.regions import LiveRegion
from realtime.live.rendering import fragment
from realtime.live.snapshot import Snapshot
from realtime.live.tracked import Tracked, Words, all_tracked, tracked_named
from realtime.live.word_difference import Piece, word_difference
from realtime.live.zones import current_zone, in_zone, known_zone
from realtime.sight import current_sight

PAGE_SIZE = 20
CUT_AT = 200
PAGE_ENTRIES = 60
# Of an action, a person's key, a role.
LONGEST_NAME = 100
ORIGIN_WORDS = {
    "portal": "in the portal",
    "admin": "in the administration",
    "import": "by an import",
    "undo": "by undo",
    "client": "through Supabase",
    "sql": "by SQL",
}
ORIGIN_ICONS = {"admin": "shield-check", "import": "file-up", "undo": "undo-2", "client": "zap", "sql": "database"}
DID = {"INSERT": "added", "UPDATE": "changed", "DELETE": "deleted", "TRUNCATE": "emptied"}


@dataclass(frozen=True, slots=True)
class FieldTold:
    """One field of a change. ``pieces`` are there for texts; ``was`` or ``now`` is None for nothing."""

    column: str
    label: str
    was: Any
    now: Any
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryTold:
    """One change of one record. ``url`` is empty for one that is gone; ``words`` say what sort of record it is."""

    revision: int
    did: str
    icon: str
    words: str
    name: str
    url: str
    history: str
    fields: tuple[FieldTold, ...]
    is_change: bool


@dataclass(frozen=True, slots=True)
class DoingTold:
    """What somebody did in one go. ``who`` is empty for a program."""

    name: str
    at: datetime
    who: str
    role: str
    origin: str
    icon: str
    entries: tuple[EntryTold, ...]
    others: int
    more_than: bool


@register
class History(LiveRegion):
    name = "history"
    # Its parameters say which rights it takes.
    permission = ""
    template = "live/_history.html"
    pause = 0.5

    @property
    def tables(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset({people_table(), *(tracked.table for tracked in all_tracked())})

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        """Raises ValueError for what nobody can ask for; ``seen`` are the kinds that the reader sees."""
        seen = sorted(set(raw["seen"]))
        kind, record = str(raw.get("kind") or ""), str(raw.get("record") or "")
        if not all(map(tracked_named, seen)) or (kind and kind not in seen):
            raise ValueError(f"no such kinds: {[*seen, kind]}")
        if record:
            name, _, key = record.partition("/")
            if name not in seen:
                raise ValueError(f"no such kind: {name}")
            record = f"{name}/{read_key(key)}"
        day = str(raw.get("day") or "")
        origin = str(raw.get("origin") or "")
        if origin and origin not in ORIGINS:
            raise ValueError(f"no such origin: {origin}")
        doing = str(raw.get("doing") or "")
        if not may_name(doing):
            raise ValueError(f"no such action: {doing}")
        if len(doing) > LONGEST_NAME or len(str(raw.get("by") or "")) > LONGEST_NAME:
            raise ValueError("that is no name")
        return {
            "seen": seen,
            "kind": kind,
            "record": record,
            "doing": doing,
            "by": str(raw.get("by") or ""),
            "origin": origin,
            "day": str(date.fromisoformat(day)) if day else "",
            "tz": known_zone(str(raw.get("tz") or current_zone())) if day else "",
            "before": min(max(int(raw.get("before") or 0), 0), 2**63 - 1),
        }

    def permissions(self, params: Params) -> frozenset[str]:
        return frozenset().union(*(tracked.permissions for tracked in _named(params["seen"])))

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {people_table(): Concern()} | {tracked.table: Concern() for tracked in _named(params["seen"])}

    def snapshot(self, params: Params) -> Snapshot:
        return Snapshot(parts={"body": fragment(self.template, self.context(params))})

    def context(self, params: Params) -> dict[str, Any]:
        asked = _asked(params)
        each = bool(asked.record or asked.doing)
        with in_zone(params["tz"]):
            doings, before = page_of(asked, PAGE_ENTRIES if each else PAGE_SIZE)
        kept = {name: value for name in ("kind", "record", "doing", "by", "origin", "day") if (value := params[name])}
        return {
            "doings": told(doings, params["seen"], whole=each),
            "each": each,
            "record": params["record"],
            "older": reverse("history", query=kept | {"before": str(before)}) if before else "",
            "newest": reverse("history", query=kept) if params["before"] else "",
        }


def _named(names: Iterable[str]) -> list[Tracked]:
    wanted = set(names)
    return [tracked for tracked in all_tracked() if tracked.kind.singular in wanted]


def _asked(params: Params) -> Asked:
    name, _, key = params["record"].partition("/")
    record = tracked_named(name)
    return Asked(
        kinds=_named([params["kind"]] if params["kind"] else params["seen"]),
        record=(record, key) if record else None,
        doing=params["doing"],
        actor=params["by"],
        origin=params["origin"],
        day=date.fromisoformat(params["day"]) if params["day"] else None,
        before=params["before"],
        sight=current_sight(),
    )


def told(doings: Iterable[Doing], seen: Iterable[str], whole: bool) -> list[DoingTold]:
    """In the words of pages, for somebody who sees these kinds; texts that came or went are cut unless ``whole``."""
    doings, words = list(doings), Words(frozenset(seen))
    by_table = {tracked.table: tracked for tracked in all_tracked()}
    for doing in doings:
        for entry in doing.entries:
            tracked = by_table[entry.table_name]
            words.ask_person(entry.actor)
            words.ask(tracked, entry.old)
            words.ask(tracked, entry.new)
            kind, key = _place(tracked, entry)
            words.ask_record(kind, key)
    words.read()
    return [_doing(doing, by_table, words, whole) for doing in doings]


def _place(tracked: Tracked, entry: Any) -> tuple[Any, str]:
    """The record on whose page an entry's is shown."""
    if not tracked.home:
        return tracked.kind, str(entry.row_key)
    return tracked.parents[tracked.home], str((entry.new or entry.old or {}).get(tracked.home))


def _doing(doing: Doing, by_table: Mapping[str, Tracked], words: Words, whole: bool) -> DoingTold:
    newest = max(doing.entries, key=lambda entry: int(entry.revision))
    is_person = is_key(newest.actor)
    return DoingTold(
        name=doing.name,
        at=newest.at,
        who=(words.person(newest.actor) or "Somebody") if is_person else "",
        role="" if is_person else newest.actor,
        origin=ORIGIN_WORDS.get(doing.origin, doing.origin),
        icon=ORIGIN_ICONS.get(doing.origin, "user"),
        entries=tuple(_entry(by_table[entry.table_name], entry, words, whole) for entry in doing.entries),
        others=min(doing.count, COUNT_LIMIT) - len(doing.entries),
        more_than=doing.count > COUNT_LIMIT,
    )


def _entry(tracked: Tracked, entry: Any, words: Words, whole: bool) -> EntryTold:
    kind, key = _place(tracked, entry)
    name = words.record(kind, key)
    own = tracked.called(entry.new or entry.old)
    return EntryTold(
        revision=entry.revision,
        did=DID.get(entry.op, entry.op),
        icon=tracked.kind.icon,
        words=_sort(tracked, entry, own),
        name=name or (own if not tracked.home else ""),
        url=reverse(kind.detail_name, args=[key]) if name else "",
        history=reverse("history", query={"record": f"{kind.singular}/{key}"}) if entry.row_key else "",
        fields=tuple(_fields(tracked, entry, words, whole)),
        is_change=entry.op == "UPDATE",
    )


def _sort(tracked: Tracked, entry: Any, own: str) -> str:
    if entry.op == "TRUNCATE":
        return f"all {tracked.kind.plural}"
    return f"{tracked.words} “{own}” of" if tracked.home and own else tracked.words


def _fields(tracked: Tracked, entry: Any, words: Words, whole: bool) -> Iterable[FieldTold]:
    old, new = entry.old or {}, entry.new or {}
    for column in tracked.fields:
        was, now = old.get(column), new.get(column)
        if was == now or column in STAMPED or column == tracked.home or not words.tells_of(tracked, column):
            continue
        before, after = words.value(tracked, column, was), words.value(tracked, column, now)
        if before is None and after is None:
            continue
        pieces = _pieces(tracked, column, before, after) if old and new else ()
        if not whole:
            before, after = _cut(before), _cut(after)
        yield FieldTold(column, words.label(tracked, column), before, after, pieces)


def _cut(value: Any) -> Any:
    return Truncator(value).chars(CUT_AT) if isinstance(value, str) else value


def _pieces(tracked: Tracked, column: str, was: Any, now: Any) -> tuple[Piece, ...]:
    """For texts: fields without a choice of words."""
    if not isinstance(was, str) or not isinstance(now, str):
        return ()
    field = tracked.fields[column]
    is_text = field.get_internal_type() in ("CharField", "TextField") and not field.flatchoices
    return word_difference(was, now) if is_text else ()
