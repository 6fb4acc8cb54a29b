"""What PostgreSQL can't take is refused with a sentence, wherever in a request it is."""

from typing import Any

import pytest
from django.test import Client

# The same in every process, because it is part of tests' names.
NO_KEY = "00000000-0000-4000-8000-000000000000"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_pages")]

ADDRESSES = (
    "/admin/crm/interaction/?type__exact=%00",
    "/admin/crm/customer/?q=%00",
    "/admin/crm/customer/?o=%00&p=%00",
    "/admin/ticketing/ticket/?_changelist_filters=status%3D%00",
    "/crm/products/?q=%00",
    "/crm/products/?page=%00",
    "/ticketing/tickets/?assigned=%00",
    "/sign-in/?next=%00",
    "/crm/products/%00/",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_nul_in_an_address(admin_client: Client, address: str) -> None:
    answer = admin_client.get(address)
    # A list that checks it finds nothing; whatever would reach PostgreSQL is refused.
    assert answer.status_code in (200, 302, 400, 404)
    assert answer.status_code != 400 or "can’t be understood" in answer.content.decode()


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        ("/admin/crm/product/", {"action": "delete_selected", "_selected_action": "\x00"}),
        ("/admin/crm/product/", {"action": "\x00", "_selected_action": NO_KEY}),
        ("/sign-in/", {"username": "a\x00", "password": "\x00", "next": "\x00"}),
        ("/crm/products/new/", {"name": "a\x00b", "price": "\x00"}),
        (f"/ticketing/tickets/{NO_KEY}/status/", {"status": "\x00", "revision": "\x00"}),
        (f"/ticketing/tickets/{NO_KEY}/assignment/", {"to": "member", "member": "\x00"}),
        ("/admin/login/", {"username": "\x00", "password": "x"}),
    ],
)
def test_a_nul_in_what_is_posted(admin_client: Client, address: str, fields: dict[str, Any]) -> None:
    assert admin_client.post(address, fields).status_code < 500


# As a browser or a script would send them; Python's own cookies refuse to be like that.
@pytest.mark.parametrize("cookie", [r'"a\000b"', "' or true --", r'"\374"'], ids=["NUL", "quote", "ü"])
def test_a_session_that_is_none_of_ours(client: Client, cookie: str) -> None:
    headers = {"Cookie": f"sessionid={cookie}"}
    assert client.get("/", headers=headers).status_code == 302
    assert client.get("/sign-in/", headers=headers).status_code == 200
