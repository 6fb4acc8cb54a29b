"""Adoption: from an app's own Supabase project to a live portal, with the app none the wiser (``manage.py adopt``).

1. ``survey.py`` looks at the live tables that are there, as the catalog has them.
2. ``obstacles.py`` says what stands in the way, each with its remedy, and what is worth knowing.
3. ``steps.py`` says what an operation of our migrations means for such a table: what is missing is added in steps that
   hold up writers for a moment at most, and what is there is left alone.
4. ``plan.py`` puts the steps of all migrations in order, those of our own tables too, without the ones that are done.
5. ``doing.py`` does them one by one, patiently, and takes them back.
6. ``notes.py`` remembers each step; ``additions.py`` finds in the catalog what a step added, and how to take it back.

A table that was adopted belongs to its app: types, constraints, policies and grants are what they were.
``database/adopted.py`` says which tables those are.
"""
