"""The portal and everything it stands on, on one machine: what ``bin/demo`` runs.

``supervisor`` starts and watches the processes. ``seeding`` fills the tables with words from ``catalogue``,
``customers`` and ``desk``; then ``team`` works on them: the ``colleagues`` of ``sales`` and of the ``service_desk``.
"""
