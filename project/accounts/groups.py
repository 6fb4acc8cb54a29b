"""Who may do what: the four groups of staff, and the matrix group × model × verb (docs/PERMISSIONS.md shows it)."""

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig
from django.apps.registry import Apps
from django.apps.registry import apps as installed_apps
from django.contrib.auth.management import create_permissions
from django.db import router, transaction

CRM_STAFF = "CRM staff"
SUPPORT_AGENTS = "Support agents"
MANAGERS = "Managers"
READ_ONLY = "Read-only"

GROUPS = (CRM_STAFF, SUPPORT_AGENTS, MANAGERS, READ_ONLY)
VERBS = ("view", "add", "change", "delete")

NOTHING = ""
EVERYTHING = "view add change delete"

# Rows of some tables show the names of their customer and product, so whoever may see such a row may see these two
# (design rule 20): every group views customers and products.
MATRIX = {
    #                          CRM staff          Support agents      Managers    Read-only
    "crm.product": ("view add change", "view", EVERYTHING, "view"),
    "crm.customer": (EVERYTHING, "view add change", EVERYTHING, "view"),
    "crm.acquisition": (EVERYTHING, "view", EVERYTHING, "view"),
    "crm.interaction": (EVERYTHING, "view add change", EVERYTHING, "view"),
    "ticketing.ticket": (NOTHING, "view add change", EVERYTHING, "view"),
    "ticketing.comment": (NOTHING, "view add change", EVERYTHING, "view"),
    "ticketing.attachment": (NOTHING, EVERYTHING, EVERYTHING, "view"),
    "ticketing.ticketlink": (NOTHING, EVERYTHING, EVERYTHING, "view"),
    "realtime.realtimechange": (NOTHING, NOTHING, "view", NOTHING),
    # Of lists that one may see: "add" shares a view with others, "change" and "delete" concern what others share.
    "realtime.savedview": ("view add", "view add", EVERYTHING, "view"),
}


def verbs_of(group: str, model: str) -> list[str]:
    """What a group may do with a model (``crm.product``), in the order of ``VERBS``."""
    return MATRIX[model][GROUPS.index(group)].split()


def codenames_of(group: str, app_label: str) -> Iterator[str]:
    """The codenames of a group's permissions on the models of one app."""
    for model in _models_of(app_label):
        for verb in verbs_of(group, f"{app_label}.{model}"):
            yield f"{verb}_{model}"


def grant_matrix(
    sender: AppConfig, using: str = "default", apps: Apps = installed_apps, verbosity: int = 1, **kwargs: Any
) -> None:
    """Runs after each migrate: the groups exist and have exactly the matrix's permissions on the models it names.

    Permissions on other models that somebody gave to a group by hand stay. It runs once for each app and handles only
    that app's models. It creates their permissions itself, so the order of apps and signals doesn't matter.
    """
    models = _models_of(sender.label)
    if not models or not _can_store_groups(apps, using):
        return
    create_permissions(sender, verbosity=0, interactive=False, using=using, apps=apps)
    group_model, permission_model = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    on_these = permission_model._default_manager.using(using).filter(
        content_type__app_label=sender.label, content_type__model__in=models
    )
    keys = dict(on_these.values_list("codename", "pk"))
    with transaction.atomic(using=using):
        for name in GROUPS:
            group, _ = group_model._default_manager.using(using).get_or_create(name=name)
            # A missing permission belongs to a model that this state of the migrations doesn't have.
            wanted = {keys[codename] for codename in codenames_of(name, sender.label) if codename in keys}
            held = set(group.permissions.filter(pk__in=keys.values()).values_list("pk", flat=True))
            group.permissions.add(*(wanted - held))
            group.permissions.remove(*(held - wanted))


def _models_of(app_label: str) -> list[str]:
    return [model for app, model in (label.split(".") for label in MATRIX) if app == app_label]


def _can_store_groups(apps: Apps, using: str) -> bool:
    """Whether the tables exist: an app can be migrated before Django's auth."""
    try:
        group_model = apps.get_model("auth", "Group")
    except LookupError:
        return False
    return router.allow_migrate_model(using, group_model)
