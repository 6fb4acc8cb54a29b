"""The portal with everything it stands on, on one machine: what ``bin/demo`` runs.

``supervisor`` starts and watches the processes. ``seeding`` fills the tables from the words of ``catalogue``,
``customers`` and ``desk``; then ``team`` works on them: the ``colleagues`` of ``sales`` and of the ``service_desk``.
"""
