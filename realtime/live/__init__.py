"""What a page shows. The same code paints a page, a patch and a catch-up. Knows no sockets.

In: a view's name and parameters. Out: a ``Snapshot`` of rendered rows and parts, and the difference between two.

- ``definition.py``: what a view is, which changes concern it, and the registry. ``lists.py`` and ``regions.py``: the
  two kinds. ``counts.py``: a list's count, for wherever the list itself isn't.
- ``filters.py``, ``search.py``, ``sorting.py``: what a list can be filtered, searched and sorted by, and its pages.
  ``zones.py``: when somebody's day begins. ``membership.py``: asks PostgreSQL whether a changed row matters to a list.
- ``figures.py``: figures over time and by group, for charts. ``local_numbers.py``: numbers
  in any language. ``activity.py``: the latest changes of any kinds.
  ``bulks.py``: what is being done to many rows at once.
- ``history.py``: who did what, field by field; ``log_pages.py`` reads it, ``word_difference.py`` compares texts.
  ``tracked.py``: which kinds have a history, and what their values are called.
- ``kind.py``: a live table's names, in addresses, templates and words. ``tokens.py``: the signed token that a page
  carries. ``first_paint.py``: paints a view inside a template.
- ``snapshot.py``: states and their differences. ``rendering.py``: rows rendered once. ``row_version.py``: what makes
  a row's version, which also changes where no revision does. ``known_rows.py``: a query by key, built once.
- ``field_changes.py``: what fields and their values are called. ``past.py``: what a row was, and what changed since.
  ``merge.py``: two people's changes to one row. ``accounts.py``: who changed a row, and what. ``person.py``: whose page
  it is. ``people.py``: names of staff in rows. ``whereabouts.py``: who is at which record. ``records.py``: what follows
  from a record's table. ``app_columns.py``: what an adopted table has besides,
  ``app_filters.py`` the filters by that.
"""
