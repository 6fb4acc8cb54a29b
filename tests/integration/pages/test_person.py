"""Every form says which person it was painted for."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.test import Client

from crm.forms import CustomerForm, ProductForm
from realtime.live.person import FIELD, person_hash, signed, typed_into, typed_names, unsigned
from tests.integration.pages.test_portal import editor as editor
from tests.integration.pages.test_portal import text

pytestmark = pytest.mark.usefixtures("quick_pages")


def test_the_mark_of_a_person_is_steady_and_tells_nobody_who_it_is() -> None:
    assert person_hash(7) == person_hash("7") != person_hash(8)
    assert person_hash(None) == ""
    assert re.fullmatch("[0-9a-f]{32}", person_hash(7))


def test_only_we_can_write_it_into_a_form() -> None:
    mark = person_hash(7)
    assert unsigned(signed(mark)) == mark
    for forged in ("", mark, f"{mark}:", f"{mark}:x", signed(mark).replace(mark, person_hash(8))):
        assert unsigned(forged) == ""


def test_every_posting_form_carries_it(editor: Client) -> None:
    page = text(editor.get("/crm/products/new/"))
    mark = person_hash(editor.session["_auth_user_id"])
    assert f'data-person="{mark}"' in page
    assert page.count(f'name="{FIELD}" value="{signed(mark)}"') == page.count('method="post"') == 3


def test_a_form_names_what_is_typed_into_it() -> None:
    assert typed_into(ProductForm()) == "name description* price"
    assert typed_into(CustomerForm()) == "name email phone"
    assert typed_names("name description*") == {"name": False, "description": True}
    # Fields to choose from don't count, and no password does.
    assert typed_into(AuthenticationForm()) == "username"


def test_no_template_writes_the_token_alone() -> None:
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        page = Path(path).read_text()
        assert "{% csrf_token %}" not in page, path
        # The page of an unsaved form is painted without a session (realtime/pages/unsent.py).
        if path.name != "unsent.html":
            assert page.count('method="post"') == page.count("{% form_token"), path
