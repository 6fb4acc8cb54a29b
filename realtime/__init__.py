"""The journey of one change, from COMMIT to pixel, room by room. Each room's ``__init__.py`` says what its files do.

1. ``database/``: somebody commits: the portal, the admin, another Supabase client, plain SQL. Triggers stamp the row
   with a ``revision`` and write the change log in the same transaction; then the doorbell rings.
2. ``upstream/``: Supabase Realtime reads the WAL and sends an event on the table's channel. The channel manager holds
   the subscriptions, reconnects when they break, and has a probe row written that must come back.
3. ``worker/`` (``manage.py run_realtime_worker``): Realtime's events and the sweep of the change log meet in the
   intake. Each change comes out once and complete, goes to the handlers as a typed event, and to the web processes as a
   small numbered message that names the row but carries none of its contents. Apps that must act exactly once for each
   change read the log with a position of their own.
4. ``hub/``, one per web process: receives the messages, finds the views they concern, rereads those and sends each
   view's frame to its sockets.
5. ``live/``: what a view shows. The same code paints the first page and every patch, so a live page equals its reload.
6. In the browser: ``static/js/live/live-socket.js`` → ``live-views.js`` → ``live-list.js`` or ``live-region.js`` →
   ``live-patch.js`` → the row. The dot, the banner and the "just updated" badge are custom elements in
   ``static/js/elements/``.

Beside the journey: ``status/`` says how fresh a page is, from the worker's heartbeat. ``pages/`` has the plain pages,
forms and the admin's base. ``operating/`` answers operators. ``adopting/`` (``manage.py adopt``) makes tables live that
were there before us. ``local/`` holds a PostgreSQL, a Redis and a Realtime server for machines that have none; only the
demo, the tests, the benches and ``bin/chaos`` import it.

Imports between rooms go one way (``tests/conventions/test_rooms.py`` holds them to it):

    hub, pages → live → database      worker → upstream, database      hub, worker, operating → status
    operating → upstream, database    adopting → database

What several rooms share lies beside them: ``events.py`` (typed events, the connection's states), ``groups.py``
(the channel layer's groups), ``waiting.py`` (waits for an event or a time, ends tasks), ``build.py`` (names a deploy),
``keys.py`` (what sort of keys live rows have), ``sight.py`` (which rows a person may see: every query of a live model
asks it).
Django looks for the rest here: ``models.py``, ``apps.py``, ``admin.py`` (shows the change log), ``urls.py``,
``routing.py``.
"""

from importlib import import_module
from pkgutil import extend_path

# supabase-py's own client package is called `realtime` too, and its siblings import it by that name. The design
# fixes this package's name, so both live under it: ours first, then the library's modules.
__path__ = extend_path(__path__, __name__)

_LIBRARY_MODULES = (
    "_async.channel",
    "_async.client",
    "_async.presence",
    "_sync.channel",
    "_sync.client",
    "_sync.presence",
    "exceptions",
    "message",
    "transformers",
    "types",
)


def __getattr__(name: str) -> object:
    """The library's public classes, for its own ``from realtime import AsyncRealtimeClient``."""
    if name[:1].isupper():
        for module in _LIBRARY_MODULES:
            found = getattr(import_module(f"{__name__}.{module}"), name, None)
            if found is not None:
                return found
    raise AttributeError(f"module 'realtime' has no attribute '{name}'")
