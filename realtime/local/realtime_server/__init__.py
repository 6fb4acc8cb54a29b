"""A local Realtime server: Supabase Realtime's WebSocket protocol over plain PostgreSQL (15 to 18).

The path of one change through the package:

    wal.py            polls a temporary logical slot (pgoutput), as the real server's poller does
    pgoutput.py       bytes -> messages
    catalog.py        what only PostgreSQL can say: tables, privileges, row visibility, filter comparisons
    delivery.py       which subscription sees the change, and with which columns
    changes.py        change -> the `data` of a postgres_changes frame, as JSON text (values.py)
    subscriptions.py  bindings of the joined channels (filters.py parses what they ask for)
    channel.py        one joined topic: join, refresh, expiry, presence
    socket.py         one client: frames in and out (protocol.py), heartbeat, timeouts
    server.py         HTTP: handshake and its refusals (auth.py), health, fault switches (faults.py)

The oracle is tests/records: what a real server said, frame by frame. Broadcast messages are only acknowledged and then
dropped, because nothing in this project uses them.
"""
