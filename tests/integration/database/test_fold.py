"""Search finds what people type: case and accents folded on both sides (rule 28)."""

import unicodedata
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.models import Customer, Product
from realtime.live.search import clean_text, matching, search_words

pytestmark = pytest.mark.django_db

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs",)), max_size=40)
SLOWLY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


def fold(text: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("select realtime_fold(%s)", [text])
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Lefevre", "Hélène Lefèvre"),
        ("munoz", "José Muñoz"),
        ("GROSS", "Familie Groß"),
        ("groß", "FAMILIE GROSS"),
        ("Brzecz", "Brzęczyszczykiewicz"),
        ("高橋", "髙橋 一郎"),
        ("髙橋", "高橋 一郎"),
        ("山崎", "山﨑"),
        ("渡辺", "渡邉"),
        ("斎藤", "齋藤"),
        ("istanbul", "İstanbul"),
        ("ISPARTA", "ısparta"),
        ("lodz", "Łódź"),
        ("oresund", "Øresund"),
        ("aeroskobing", "Ærøskøbing"),
        ("thor", "Þór"),
        ("nguyen", "Nguyễn Đức"),
        ("duc", "Nguyễn Đức"),
        ("οδυσσευς", "ΟΔΥΣΣΕΎΣ"),
        ("ежик", "Ёжик"),
        ("ﬁne", "FINE"),
        ("ＡＢＣ", "abc"),
        ("محمد", "مُحَمَّد"),
        ("100%", "100% cotton"),
        ("a_b", "A_B"),
        ("c:\\d", "C:\\D"),
    ],
)
def test_what_people_type_finds_what_is_written(typed: str, stored: str) -> None:
    row = Customer.objects.create(name=stored)
    assert list(matching(Customer.objects.all(), typed, ["name"])) == [row]


@pytest.mark.parametrize(
    ("typed", "stored"), [("か", "がく"), ("100%", "1000"), ("a_b", "axb"), ("c\\d", "cd"), ("は", "ぱ")]
)
def test_another_letter_is_no_match(typed: str, stored: str) -> None:
    Customer.objects.create(name=stored)
    assert not matching(Customer.objects.all(), typed, ["name"]).exists()


@SLOWLY
@given(TEXT)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@SLOWLY
@given(TEXT)
def test_every_text_is_found_by_itself_and_without_case_and_accents(text: str) -> None:
    text = clean_text(text)
    if not text.strip() or not search_words(text):
        return
    row = Product.objects.create(name=f"x{text}x", description=text)
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not "\u0300" <= c <= "\u036f")
    for typed in {text, clean_text(bare)} | ({text.upper(), text.lower()} if text.isascii() else set()):
        if search_words(typed):
            assert row in matching(Product.objects.all(), typed, ["name"]), typed


def test_the_admin_finds_the_same(admin_client: Client, quick_pages: Any) -> None:
    Customer.objects.create(name="Hélène Lefèvre")
    assert "Hélène" in admin_client.get("/admin/crm/customer/?q=LEFEVRE").content.decode()
    assert "Hélène" not in admin_client.get("/admin/crm/customer/?q=nobody").content.decode()
