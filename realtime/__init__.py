"""The journey of one change, from COMMIT to pixel. Each stage names its file.

In PostgreSQL

1. Somebody commits: the portal, the admin, another Supabase client, plain SQL. Triggers stamp the row's ``revision``
   and write the change log ``realtime_change`` in the same transaction. ``schema.py`` (the SQL and ``LiveTable``, which
   makes a table live), ``models.py`` (``LiveModel``), ``actor.py`` and ``middleware.py`` (who did it).

   Of people and their rights, which aren't live, the log only notes that something changed: ``related.py``.

In the worker (``manage.py run_realtime_worker``, ``worker.py`` wires it all, ``preflight.py`` checks the database;
``leadership.py`` says which of several workers leads, on a session of ``database_session.py``)

2. Supabase Realtime decodes the WAL and sends an event on the table's channel. ``channel_manager.py`` holds the
   subscriptions, climbs the ladder of ``backoff.py`` when they break, and writes a probe row that must come back;
   ``channel_session.py`` is one life of the connection; ``worker_token.py`` signs its token; ``frame_tap.py`` hears
   what the client can't read. Callbacks only enqueue.
3. ``event_dispatcher.py`` parses the raw event (``events.py`` has the types). ``intake.py`` completes it from the
   change log and lets each change out once: what Realtime missed or hasn't told yet, ``change_log.py``'s sweep brings,
   once before the first subscription, at every ring of ``doorbell.py``, on a timer and at every connect. Both read on
   one ``database_thread.py``. ``log_guard.py`` finds what went past the log. ``retention.py`` prunes it.
4. The table's repository (``repository.py``, the apps' own name their models) turns the record into an entity and
   emits it through the dispatcher to every handler. ``streams.py`` offers the same as async iterators.
5. One handler is ``publisher.py``: small numbered messages, a group of the channel layer per table. ``status_store.py``
   tells Redis how things stand, for as long as Redis keeps anything.

In the web process

6. ``layer_listener.py`` hears the messages once for the whole process; ``gaps.py`` finds holes in their numbers.
   ``hub.py`` marks the views they concern; ``view_reader.py`` re-reads those in one transaction, sets aside what holds
   up the others, and reads everything again before a minute has passed. Each view's frame goes to all its sockets.
7. ``live_view.py`` is one distinct list or region: its state, its sequence number, who attaches. What it shows comes
   from a definition in ``live.py``, which also paints the first page: the same template for both. Rows are kept by
   their ``row_version.py``. ``snapshot.py`` works out the difference between two states.
8. ``consumer.py`` is the WebSocket (``routing.py``; ``origin.py`` stands before it): it authorises, and writes what
   ``live_socket.py`` buffers. ``wire.py`` lists every word on it, ``arrivals.py`` reads whose it is, ``rights.py``
   re-reads what connected users may see, ``connection_words.py`` says in one true sentence how fresh a page is.

In the browser

9. ``static/js/live/live-socket.js`` → ``live-views.js`` → ``live-list.js`` or ``live-region.js`` → ``live-patch.js`` →
   the row. The dot, the banner and the "just updated" badge are custom elements in ``static/js/elements/``.

Beside the journey: ``kind.py`` and ``pages.py`` make a table's plain pages, ``live_form.py`` and ``field_changes.py``
keep a stale form from overwriting, ``person.py`` says whose page it is, ``unsent.py`` keeps on the screen what can't be
saved, ``database_words.py`` says why a failing database refuses, ``fold.py`` lets people search without case and
accents, ``local_times.py`` takes times as people type them, ``database_values.py`` loads what no form would have let
pass, ``live_admin.py`` is the admin's base (``admin.py`` shows the change log), ``access.py`` guards a view,
``web_connections.py`` limits what requests take of PostgreSQL, ``views.py`` and ``urls.py`` answer operators,
``metrics.py`` tells Prometheus, both from what ``last_beat.py`` knows of the worker, ``build.py`` names a deploy,
``waiting.py`` waits for an event or a time and ends tasks, ``supabase_check.py``, ``supabase_check_realtime.py`` and
``supabase_key.py`` tell an operator what a project lacks, ``apps.py`` is Django's. ``local/`` holds a PostgreSQL, a
Redis and a Realtime server for machines that have none.
"""

from importlib import import_module
from pkgutil import extend_path

# supabase-py's own client package is called `realtime` too, and its siblings import it by that name. The user's
# design card fixes this package's name, so both live under it: ours first, the library's modules behind.
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
