"""Other programs are told of changes by signed HTTP requests: at least once, in the order of each row's changes.

- ``outbox.py``: a reader of the change log writes one delivery for each change and webhook that wants it, in the
  transaction that moves the reader's position. It hands out what is due and notes what became of it.
- ``sender.py``: the leading worker's part that sends them. ``addresses.py`` says where to, and refuses the inside of
  the network; ``signing.py`` keeps the secrets and signs.
- ``payload.py``: what is sent. ``schemas.py``: its JSON Schema, one file a table in ``docs/schemas/``.

The admin's pages of them are in ``pages/``.
"""
