"""One distinct list or region with its parameters, shown by any number of sockets.

It has one state, one sequence number and no task of its own: the hub re-reads, and everything that follows from a
reading happens here without an await, so that an attach and a patch can't overtake each other (design rule 7).
"""

from dataclasses import dataclass, field

from realtime import wire
from realtime.live import Definition, Params
from realtime.live_socket import LiveSocket
from realtime.snapshot import Shown, Snapshot, difference


@dataclass(slots=True)
class Attaching:
    socket: LiveSocket
    identifier: int
    shown: Shown


@dataclass(slots=True)
class LiveView:
    key: str
    definition: Definition
    params: Params
    snapshot: Snapshot | None = None
    seq: int = 0
    dirty: bool = True
    # Readings in a row that the database has refused.
    refusals: int = 0
    sockets: set[LiveSocket] = field(default_factory=set)
    waiting: list[Attaching] = field(default_factory=list)
    # Those who waited when the reading that runs now began; whoever came later may show something newer.
    joining: list[Attaching] = field(default_factory=list)

    @property
    def unused(self) -> bool:
        return not self.sockets and not self.waiting and not self.joining

    def everyone(self) -> set[LiveSocket]:
        return {*self.sockets, *(attaching.socket for attaching in (*self.waiting, *self.joining))}

    def attach(self, attaching: Attaching) -> None:
        """Joins a socket that shows exactly this state at once; any other after the next reading."""
        if self.snapshot is not None and not self.dirty and attaching.shown == self.snapshot.shown:
            self._join(attaching)
        else:
            self.waiting.append(attaching)
            self.dirty = True

    def detach(self, socket: LiveSocket) -> None:
        self.sockets.discard(socket)
        self.waiting = [attaching for attaching in self.waiting if attaching.socket is not socket]
        self.joining = [attaching for attaching in self.joining if attaching.socket is not socket]

    def begin_reading(self) -> None:
        """Before the reading: a change or an attach that comes while it runs marks the view again."""
        self.dirty = False
        self.joining, self.waiting = self.joining + self.waiting, []

    def reading_failed(self) -> None:
        self.dirty = True

    def take(self, snapshot: Snapshot) -> int:
        """Moves to what was read: one frame to every socket, a difference to each that waits. Returns frames sent."""
        frames = 0
        if self.snapshot is not None:
            operations = difference(self.snapshot.shown, snapshot)
            if operations:
                self.seq += 1
                frame = wire.patch(self.key, self.seq, operations)
                for socket in self.sockets:
                    socket.send(frame, droppable=True)
                frames = len(self.sockets)
        self.snapshot, self.refusals = snapshot, 0
        joining, self.joining = self.joining, []
        for attaching in joining:
            self._join(attaching)
        return frames + len(joining)

    def _join(self, attaching: Attaching) -> None:
        assert self.snapshot is not None
        operations = difference(attaching.shown, self.snapshot)
        attaching.socket.send(wire.attached(attaching.identifier, self.key, self.seq, operations))
        self.sockets.add(attaching.socket)
