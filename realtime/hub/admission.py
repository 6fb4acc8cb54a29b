"""Who is let in, and who has to go: the session, the account and the rights behind each socket.

They are read on a database connection of their own, so that no list can hold them up.
"""

import asyncio
from collections.abc import Callable, Set
from contextlib import suppress

from django.db import DatabaseError, InterfaceError

from realtime.database.thread import DatabaseThread
from realtime.hub import wire
from realtime.hub.arrivals import Arrivals
from realtime.hub.live_socket import LiveSocket
from realtime.hub.rights import REREAD_SECONDS, Rights, Standing, read_standing
from realtime.sight import Sight
from realtime.waiting import wait_for_event

# A locked table of users or sessions must not block the reading of rights forever.
PEOPLE_SETTINGS = {"lock_timeout": "3s", "statement_timeout": "10s"}


class Admission:
    """``leave`` takes a socket out of the hub; ``revoke`` takes away the views that it may no longer see.

    ``see_again`` has it follow the others anew, with the rows that its person sees by now.
    """

    def __init__(
        self,
        sockets: Set[LiveSocket],
        leave: Callable[[LiveSocket], None],
        revoke: Callable[[LiveSocket], None],
        see_again: Callable[[LiveSocket], None],
    ) -> None:
        self._sockets = sockets
        self.people = DatabaseThread("realtime-people", PEOPLE_SETTINGS)
        self._leave = leave
        self._revoke = revoke
        self._see_again = see_again
        self._arrivals = Arrivals(self.people)
        self._reread = asyncio.Event()

    async def admit(self, socket: LiveSocket) -> bool:
        """Finds out who the socket belongs to; False when its session or account has ended.

        Raises the database's errors.
        """
        identities, standing = await self._arrivals.read(socket.session)
        identity = identities.get(socket.session)
        if identity is None:
            return False
        socket.user, socket.auth_hash = identity.user, identity.auth_hash
        if not _is_standing(socket, standing):
            return False
        socket.rights, socket.name = standing.rights[socket.user], standing.names[socket.user]
        socket.words = standing.words
        socket.sight = standing.sights.get(socket.user)
        return True

    def reread(self) -> None:
        """Something changed about people or their rights."""
        self._reread.set()

    async def watch(self) -> None:
        """Rereads the rights behind every socket every few seconds, until cancelled."""
        while True:
            await wait_for_event(self._reread, REREAD_SECONDS)
            self._reread.clear()
            present = list(self._sockets)
            if not present:
                continue
            # Without the database nothing new can be shown to anybody either.
            with suppress(DatabaseError, InterfaceError):
                standing = await self.people.run(
                    read_standing, {socket.user for socket in present}, {socket.session for socket in present}
                )
                for socket in present:
                    self._apply(socket, standing)

    def _apply(self, socket: LiveSocket, standing: Standing) -> None:
        if not _is_standing(socket, standing):
            self._leave(socket)
            socket.close(wire.CLOSE_SIGNED_OUT, "signed out")
            return
        before, socket.rights = socket.rights, standing.rights.get(socket.user, Rights())
        saw, socket.sight = socket.sight, standing.sights.get(socket.user)
        socket.name = standing.names.get(socket.user, "")
        if socket.rights != before or _hidden(socket.sight) != _hidden(saw):
            # The page's buttons, headings and fields were decided when it was painted.
            socket.send(wire.rights())
        if socket.words != standing.words:
            # So were its menus.
            socket.words = standing.words
            socket.send(wire.words(socket.words))
        self._revoke(socket)
        if socket.sight != saw:
            self._see_again(socket)


def _hidden(sight: Sight | None) -> tuple[str, ...]:
    return () if sight is None else sight.hidden


def _is_standing(socket: LiveSocket, standing: Standing) -> bool:
    rights = standing.rights.get(socket.user)
    # The hash depends on the password: changing that ends the other sessions.
    return socket.session in standing.sessions and rights is not None and rights.auth_hash == socket.auth_hash
