"""The groups and their rights match the matrix, whatever happened before, and match the document."""

from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db.models.signals import post_migrate

from project.accounts.groups import GROUPS, MATRIX, VERBS, grant_matrix, verbs_of
from project.accounts.models import User
from realtime.database.tables import live_tables
from realtime.local.process import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "PERMISSIONS.md"

pytestmark = pytest.mark.django_db


def rights(group: str) -> set[str]:
    held = Group.objects.get(name=group).permissions.select_related("content_type")
    return {f"{one.content_type.app_label}.{one.codename}" for one in held}


def matrix_rights(group: str) -> set[str]:
    split = [(model.split("."), verbs_of(group, model)) for model in MATRIX]
    return {f"{app}.{verb}_{name}" for (app, name), verbs in split for verb in verbs}


def permission(label: str) -> Permission:
    app, codename = label.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def migrated() -> None:
    call_command("migrate", verbosity=0)


@pytest.mark.parametrize("group", GROUPS)
def test_a_migrated_database_has_each_group_with_the_rights_of_the_matrix(group: str) -> None:
    assert rights(group) == matrix_rights(group)


def test_the_document_shows_the_matrix() -> None:
    lines = [line.split("|")[1:-1] for line in Path(DOCUMENT).read_text().splitlines() if line.startswith("|")]
    header, _, *rows = [[cell.strip() for cell in line] for line in lines]
    assert header[1:] == list(GROUPS)
    # Other tables of the document name no rights.
    told = {row[0].split("`")[1]: row[1:] for row in rows if row[0].startswith("`")}
    assert told == {model: [", ".join(verbs_of(group, model)) or "–" for group in GROUPS] for model in MATRIX}


def test_every_live_table_is_in_the_matrix() -> None:
    tables = {apps.get_model(model)._meta.db_table for model in MATRIX}
    assert set(live_tables()) <= tables


def test_the_matrix_names_known_verbs_and_nobody_changes_what_he_may_not_see() -> None:
    for model in MATRIX:
        for group in GROUPS:
            verbs = verbs_of(group, model)
            assert set(verbs) <= set(VERBS)
            assert not verbs or "view" in verbs, f"{group} can't see {model}"


def test_every_group_sees_customers_and_products_because_other_rows_show_their_names() -> None:
    for group in GROUPS:
        assert {"crm.view_customer", "crm.view_product"} <= rights(group)


def test_a_second_migrate_changes_nothing() -> None:
    before = {group.name: group.pk for group in Group.objects.all()}
    migrated()
    assert {group.name: group.pk for group in Group.objects.all()} == before
    assert all(rights(group) == matrix_rights(group) for group in GROUPS)


def test_a_migrate_puts_right_what_was_changed_by_hand_and_leaves_other_permissions_alone() -> None:
    readers, agents = Group.objects.get(name="Read-only"), Group.objects.get(name="Support agents")
    readers.permissions.add(permission("crm.delete_customer"), permission("accounts.view_user"))
    agents.permissions.remove(permission("ticketing.view_ticket"))
    migrated()
    assert rights("Read-only") == matrix_rights("Read-only") | {"accounts.view_user"}
    assert rights("Support agents") == matrix_rights("Support agents")


def test_other_groups_and_the_members_are_left_alone() -> None:
    own = Group.objects.create(name="Interns")
    own.permissions.add(permission("crm.delete_customer"))
    user = User.objects.create_user("intern")
    user.groups.add(own, Group.objects.get(name="Read-only"))
    migrated()
    assert rights("Interns") == {"crm.delete_customer"}
    assert user.groups.count() == 2


def test_a_deleted_group_comes_back_with_its_rights() -> None:
    Group.objects.all().delete()
    migrated()
    assert {group.name for group in Group.objects.all()} == set(GROUPS)
    assert rights("Managers") == matrix_rights("Managers")


def test_the_order_of_the_signals_does_not_matter() -> None:
    """As if this app's handler came before Django's own, which makes the permissions."""
    Group.objects.all().delete()
    Permission.objects.all().delete()
    for app in ("ticketing", "realtime", "crm"):
        grant_matrix(apps.get_app_config(app))
    assert all(rights(group) == matrix_rights(group) for group in GROUPS)


def test_it_runs_after_every_migrate() -> None:
    assert any(receiver[0][0] == "accounts.grant_matrix" for receiver in post_migrate.receivers)


def test_a_member_may_do_what_his_group_may_and_no_more() -> None:
    user = User.objects.create_user("agent")
    user.groups.add(Group.objects.get(name="Support agents"))
    assert user.has_perm("ticketing.change_ticket")
    assert not user.has_perm("ticketing.delete_ticket")
    assert not user.has_perm("realtime.view_realtimechange")
