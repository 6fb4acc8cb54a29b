"""Live lists and regions: named definitions that apps register, and what they show.

A definition with parameters is rendered the same way for the first paint, for a push and for catching up, so that a
live page equals its reload. The page carries a signed token of (name, parameters); the token grants nothing, the
socket's session does (design rule 8).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from realtime.live.accounts import Account
from realtime.live.membership import Question
from realtime.live.snapshot import Snapshot

Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Concern:
    """Which changes to one table concern a view (design rule 22).

    A change to a row that the view shows always does, if it touches one of the columns ``shown`` (None: any). Any other
    change does when it may decide what is in the view: an update of one of the columns ``deciding`` (None: any), and a
    row that comes or goes, if ``coming``. With ``asks``, PostgreSQL knows whether it really does (``membership.py``).
    ``back`` names the column through which a row of this table belongs to one that the view shows.
    """

    deciding: frozenset[str] | None = None
    coming: bool = True
    shown: frozenset[str] | None = None
    asks: bool = False
    back: str = ""


@dataclass(frozen=True, slots=True)
class RowChange:
    """What the hub learns about one change."""

    revision: int
    op: str
    key: str
    columns: tuple[str, ...]
    actor: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How many seconds lie between two patches of a view: the ``window`` in which its changes come together.

    The first change after that goes out at once. Above ``steady`` changes a second the window grows, and is ``longest``
    at ten times as many. With ``hidden``, pages that nobody looks at get them, too: what is counted in a tab's title,
    say.
    """

    window: float = 0.02
    longest: float = 0.25
    steady: float = 200.0
    hidden: bool = False

    def interval(self, rate: float) -> float:
        """The window in seconds at this many changes a second."""
        growth = (rate - self.steady) / (9 * self.steady)
        return self.window + max(0.0, self.longest - self.window) * min(1.0, max(0.0, growth))


@dataclass(frozen=True, slots=True)
class QuickReread:
    """What to ask PostgreSQL, in as many results, and what the answers mean; None where they don't suffice."""

    sql: str
    values: list[Any]
    results: int
    understand: Callable[[list[list[Any]]], tuple[Snapshot, Mapping[str, Account]] | None]


class UnknownDefinition(LookupError):
    """A token names a list that this version of the portal doesn't have."""


class Definition(ABC):
    """What the hub knows about a list or region: a name, the right to see it, and what it shows for its parameters."""

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def permission(self) -> str: ...

    def permissions(self, params: Params) -> frozenset[str]:
        """The rights that seeing it takes, every one of them; more where its parameters bring in other tables."""
        return frozenset({self.permission})

    def reader(self, params: Params) -> str | None:
        """The key of the only person who may follow it; None where it is for everybody with the rights."""
        return None

    def is_hidden(self) -> bool:
        """Whether it says nothing to whoever asks, because of the columns that they may not see."""
        return False

    @property
    @abstractmethod
    def tables(self) -> frozenset[str]:
        """The tables whose changes can concern it."""

    @abstractmethod
    def normalise(self, raw: Mapping[str, Any]) -> Params:
        """The canonical parameters; raises KeyError or ValueError where there is no default to fall back to."""

    # The table whose rows it shows as rows of its own, or whose row it is about; ``Concern.back`` leads to these.
    own_table = ""
    # Definitions that come with it, such as its count.
    companions: "tuple[Definition, ...]" = ()
    # Seconds that must lie between two readings of the same view, however often it changes (design rule 25).
    pause: ClassVar[float] = 0.0
    # How often what has changed is sent to its pages.
    pace: ClassVar[Pace] = Pace()

    def record(self, params: Params) -> tuple[str, str] | None:
        """The record that it is about, as (table, key): who follows it is there. None for a list, say."""
        return None

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        """Which changes can alter what is shown, for each of ``tables``."""
        return {table: Concern() for table in self.tables}

    def question(self, params: Params, snapshot: Snapshot, table: str) -> Question | None:
        """Asks PostgreSQL whether changed rows of a table whose ``Concern`` ``asks`` matter to what is shown.

        None where only reading can tell.
        """
        return None

    def accounts(self, revisions: Mapping[str, int]) -> Mapping[str, Account]:
        """Who changed rows of its own that have just come to these revisions, and what they did."""
        return {}

    @abstractmethod
    def snapshot(self, params: Params) -> Snapshot:
        """Reads and renders the current state."""

    def reread(self, params: Params, before: Snapshot, touched: Collection[tuple[str, str]]) -> Snapshot:
        """The same, where nothing has changed but rows that ``before`` shows, as (table, key).

        They haven't changed in what decides who is in the view, and where.
        """
        return self.snapshot(params)

    def quick_reread(
        self, params: Params, before: Snapshot, touched: Collection[tuple[str, str]], memo: dict[Any, Any]
    ) -> QuickReread | None:
        """The same as one batch of SQL; None where it takes more. ``memo`` keeps what was prepared for the view."""
        return None


_definitions: dict[str, Definition] = {}


D = TypeVar("D", bound=type[Definition])


def register(definition: D) -> D:
    """Class decorator: makes a list or region known under its name. Raises ValueError when the name is taken."""
    instance = definition()
    for told in (instance, *instance.companions):
        if told.name in _definitions:
            raise ValueError(f"live view '{told.name}' is registered twice")
        _definitions[told.name] = told
    return definition


def definition_named(name: str) -> Definition:
    try:
        return _definitions[name]
    except KeyError:
        raise UnknownDefinition(f"unknown list '{name}'") from None
