"""Customers and products from a file, in four steps: choose it, match its columns, check its rows, import them.

In: a CSV or XLSX. Out: all of its rows in one transaction, or none and a sentence for each that can't be.

- ``reading.py``: the file as rows of text, whatever its encoding, separator and quoting.
- ``matching.py``: which column of the file is which field. ``amounts.py``: amounts as people write them.
- ``rows.py``: what each row becomes, by the rules of the portal's own forms.
- ``running.py``: goes through the rows beside the requests, and tells how far it is.
- ``kinds.py``: what can be imported. ``pages.py``: the pages of the four steps.

The file waits between the steps in a row of ``file_imports`` (``crm/models.py``) that only its owner sees: any web
process can take the next step, and nothing of it is left on a disk. It goes when the import is done, or after a day.
"""
