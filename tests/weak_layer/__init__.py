"""A portal that hears its worker badly, and in which nothing else puts right what was missed.

``layer.py`` is the channel layer with faults; ``weakness.py`` switches them. ``settings.py`` and ``apps.py`` make
processes use it, with small pages.
"""
