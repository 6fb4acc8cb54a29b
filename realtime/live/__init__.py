"""What a page shows. The same code paints a page, a patch and a catch-up. Knows no sockets.

Enters: a view's name and parameters. Leaves: a ``Snapshot`` of rendered rows and parts, and the difference of two.

- ``definition.py``: what a view is, and the registry. ``lists.py`` and ``regions.py``: the two kinds.
- ``kind.py``: a table's words. ``tokens.py``: the signed token that a page carries. ``first_paint.py``: for templates.
- ``snapshot.py``: states and their differences. ``rendering.py``: rows rendered once. ``row_version.py``: what makes a
  row's version. ``field_changes.py``: what changed since a revision. ``person.py``: whose page it is.
"""
