"""The portal over an adopted database: every page shows what is there, whatever the app's columns hold."""

import asyncio
import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from crm.kinds import ACQUISITION, CUSTOMER, INTERACTION, PRODUCT
from realtime.live.definition import definition_named
from realtime.live.kind import Kind
from realtime.live.lists import LiveList
from tests.integration.adopting.their_project import TheirProject, adopt
from ticketing.kinds import TICKET

pytestmark = pytest.mark.usefixtures("quick_pages")

KINDS = (PRODUCT, CUSTOMER, ACQUISITION, INTERACTION, TICKET)
NEXT = re.compile(r'rel="next" href="([^"]*)"')


@pytest.fixture
def portal(project: TheirProject) -> Client:
    adopt()
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator", password="right"))
    return client


def page(portal: Client, address: str) -> str:
    response = portal.get(address)
    assert response.status_code == 200, address
    told = asyncio.run(whole(response)) if response.streaming else response.content
    return told.decode(errors="replace")


async def whole(response: Any) -> bytes:
    return b"".join([piece async for piece in response.streaming_content])


def test_every_page_shows_what_is_there(portal: Client) -> None:
    for address in ("/", "/history/", "/search/?q=ticket", "/notifications/", reverse("ticketing:board")):
        page(portal, address)
    for kind in KINDS:
        for name in (kind.list_name, kind.export_name, kind.sheet_name, kind.create_name):
            page(portal, reverse(name))
        page(portal, reverse(f"admin:{kind.app}_{kind.singular}_changelist"))
        for key in kind.model.objects.values_list("pk", flat=True):
            for name in (kind.detail_name, kind.edit_name):
                told = page(portal, reverse(name, args=[key]))
                assert ">None<" not in told, (kind.singular, key)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_whatever_a_list_is_sorted_by_its_pages_have_every_row_once(portal: Client, kind: Kind) -> None:
    listing = definition_named(kind.plural)
    assert isinstance(listing, LiveList)
    keys = {str(key) for key in kind.model.objects.values_list("pk", flat=True)}
    for name in listing.sorts:
        for sort in (name, f"-{name}"):
            found: list[str] = []
            address = f"{reverse(kind.list_name)}?sort={sort}&size=25"
            while address:
                told = page(portal, address)
                found += re.findall(r'<tr data-live-row data-id="([^"]+)"', told)
                following = NEXT.search(told)
                address = f"{reverse(kind.list_name)}{unescape(following[1])}" if following else ""
            assert (len(found), set(found)) == (len(keys), keys), sort
