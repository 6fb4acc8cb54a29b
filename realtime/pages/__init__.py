"""The plain pages of a kind: list, detail, form, admin. They work without a socket.

In: a request. Out: a page, or a saved change.

- ``live_pages.py``: list, detail, new, edit and delete of a kind. ``list_head.py``: a list's headings,
  filters and chips. ``choices.py``: rows to choose from. ``export.py``: a list as a file, CSV or XLSX
  (``workbook.py``). ``neighbours.py``: from a record to the next of its list. ``search_everywhere.py``: one search for
  all kinds. ``access.py``: who may open them.
  ``unchanged.py``: a page that a browser has as it is isn't painted again.
- ``saved_views.py``: the views that people keep; ``view_pages.py`` keeps them, ``side_bar.py`` shows those that
  somebody has pinned. ``columns.py``: which columns somebody sees.
- ``bulk.py``: what is done to many rows at once, and its report. ``bulk_running.py``: carries it out.
- ``in_place.py``: the form of a new row, for a page about another one.
- ``live_form.py``: the form of a record. ``merging.py``: a save is merged with what others have changed.
  ``untouched.py``: what nobody touched isn't written. ``sent_values.py``: what browsers send. ``unsent.py``: what can't
  be saved stays on the screen. ``drafts.py``: what was typed and not sent is kept for its owner, and
  listed (``draft_pages.py``). ``local_times.py``: times as people type them.
- ``undo.py``: puts back what an action changed. ``undo_plan.py``: what that is, and what stands in its way.
  ``undo_words.py``: what people are told of it. ``history_pages.py``: the history, and undo from it. ``said.py``: names
  the action in every answer to one.
- ``writes.py``: a write that is sent twice is done once. ``offline.py``: which pages a browser keeps for its reader.
- ``middleware.py``: notes who asks, for the forms and for the change log. ``live_admin.py``: the admin's base.
  ``events_admin.py``: webhooks, and what couldn't be read. ``newest.py``: pages of what there may be millions of.
"""
