"""People and companies of many countries: the demo's customers.

Addresses end in names that nobody can register (RFC 2606), and numbers come from ranges reserved for films and books.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Country:
    """What people and companies are called in one country. ``handles`` are the same given names in Latin letters."""

    given: Sequence[str]
    family: Sequence[str]
    companies: Sequence[str]
    handles: Sequence[str]
    phone: str
    family_first: bool = False
    separator: str = " "


@dataclass(frozen=True)
class Contact:
    name: str
    email: str
    phone: str


UK_PHONE = "+44 1632 960{:03d}"
US_PHONE = "+1 202 555 01{:02d}"
GERMAN_PHONE = "+49 30 23125 {:03d}"
FRENCH_PHONE = "+33 1 99 00 {:02d} {:02d}"

COUNTRIES = (
    Country(
        ("Olivia", "George", "Amelia", "Harry", "Niamh", "Rhys"),
        ("Whitaker", "O’Sullivan", "Patel", "Featherstonehaugh", "Jones", "MacGregor"),
        ("Harbour & Sons Ltd", "Northgate Primary School", "The Quiet Room", "Ashdown Veterinary Practice"),
        ("olivia", "george", "amelia", "harry", "niamh", "rhys"),
        UK_PHONE,
    ),
    Country(
        ("Jörg", "Käthe", "Lukas", "Sabine", "Anneliese", "Björn"),
        ("Müller-Lüdenscheidt", "Groß", "Schäfer", "von der Heide", "Yılmaz", "Öztürk"),
        ("Tischlerei Weiß GmbH & Co. KG", "Stadtwerke Görlitz", "Praxis Dr. Schön", "Bäckerei Süß"),
        ("joerg", "kaethe", "lukas", "sabine", "anneliese", "bjoern"),
        GERMAN_PHONE,
    ),
    Country(
        ("Éloïse", "François", "Maëlle", "Jean-Baptiste", "Anaïs", "Loïc"),
        ("Lefèvre", "d’Aubigné", "Garçon", "Le Goff", "Benali", "Château"),
        ("Boulangerie de l’Îlot", "Mairie de Saint-Étienne-du-Grès", "Atelier Noël", "Cabinet Œuvrard"),
        ("eloise", "francois", "maelle", "jeanbaptiste", "anais", "loic"),
        FRENCH_PHONE,
    ),
    Country(
        ("María José", "Íñigo", "Begoña", "Joaquín", "Ximena"),
        ("Núñez", "Ibáñez Muñoz", "García Íñiguez", "Peña"),
        ("Talleres Ñandú S.A.", "Colegio Público La Encina", "Farmacia Peñalver"),
        ("mariajose", "inigo", "begona", "joaquin", "ximena"),
        US_PHONE,
    ),
    Country(
        ("Łukasz", "Małgorzata", "Święty", "Zdzisława", "Grzegorz"),
        ("Brzęczyszczykiewicz", "Żółkiewska", "Wójcik", "Dąbrowski"),
        ("Księgarnia „Pod Wieżą”", "Przychodnia Zdrowie Sp. z o.o.", "Młyn Wodny Jaźwiny"),
        ("lukasz", "malgorzata", "swiety", "zdzislawa", "grzegorz"),
        UK_PHONE,
    ),
    Country(
        ("İbrahim", "Şule", "Çağla", "Özgür"),
        ("Yıldırım", "Güneş", "Çelik", "Işık"),
        ("Işık Mobilya A.Ş.", "Güneş Lisesi"),
        ("ibrahim", "sule", "cagla", "ozgur"),
        GERMAN_PHONE,
    ),
    Country(
        ("Nguyễn Thị", "Trần Văn", "Phạm Ngọc"),
        ("Hương", "Đức", "Ánh Tuyết", "Dũng"),
        ("Công ty TNHH Bình Minh", "Trường Tiểu học Hòa Bình"),
        ("huong", "duc", "tuyet"),
        US_PHONE,
    ),
    Country(
        ("Ольга", "Дмитро", "Светлана", "Җәмилә"),
        ("Шевченко", "Кузнецова", "Ґалаґан", "Ахмадуллина"),
        ("ТОВ «Світанок»", "Библиотека № 7", "Мебельный двор"),
        ("olha", "dmytro", "svetlana", "jamila"),
        UK_PHONE,
    ),
    Country(
        ("Ελένη", "Γιώργος", "Αικατερίνη"),
        ("Παπαδοπούλου", "Καζαντζάκης", "Οικονόμου"),
        ("Φαρμακείο Υγεία", "Εκδόσεις Άνεμος"),
        ("eleni", "giorgos", "katerina"),
        GERMAN_PHONE,
    ),
    Country(
        ("محمد", "فاطمة", "يوسف", "نور الهدى"),
        ("العبدالله", "بن صالح", "الحسيني", "القاضي"),
        ("شركة النخيل للأثاث", "مدرسة الأمل الابتدائية", "مكتبة جرير ٢"),
        ("mohammed", "fatima", "youssef", "nour"),
        FRENCH_PHONE,
    ),
    Country(
        ("נועה", "איתי", "שירה"),
        ("לוי", "בן־דוד", "אברמוביץ׳"),
        ("ספריית השכונה", "מרפאת הגליל בע״מ"),
        ("noa", "itay", "shira"),
        US_PHONE,
    ),
    Country(
        ("زهرا", "کیوان", "پریسا"),
        ("رضایی‌نژاد", "گل‌محمدی", "چراغی"),
        ("انتشارات ماهی", "دفتر فنی پارس"),
        ("zahra", "keyvan", "parisa"),
        FRENCH_PHONE,
    ),
    Country(
        ("प्रिया", "अर्जुन", "सौम्या"),
        ("शर्मा", "चतुर्वेदी", "श्रीवास्तव"),
        ("राष्ट्रीय विद्यालय", "सूर्योदय ट्रेडर्स"),
        ("priya", "arjun", "saumya"),
        US_PHONE,
    ),
    Country(
        ("美玲", "伟", "晓明", "嘉欣"),
        ("王", "李", "歐陽", "陳"),
        ("上海晨光文具有限公司", "臺北市立圖書館"),
        ("meiling", "wei", "xiaoming", "jiaxin"),
        US_PHONE,
        family_first=True,
        separator="",
    ),
    Country(
        ("さくら", "健太", "美咲"),
        ("佐藤", "髙橋", "渡邊"),
        ("株式会社ひかり", "緑ヶ丘小学校"),
        ("sakura", "kenta", "misaki"),
        US_PHONE,
        family_first=True,
    ),
    Country(
        ("서연", "민준", "하은"),
        ("김", "박", "남궁"),
        ("주식회사 한빛", "해오름 유치원"),
        ("seoyeon", "minjun", "haeun"),
        US_PHONE,
        family_first=True,
        separator="",
    ),
    Country(
        ("สมชาย", "กนกวรรณ", "ณัฐพล"),
        ("ใจดี", "ศรีสุวรรณ"),
        ("ร้านเครื่องเขียนสุขใจ",),
        ("somchai", "kanokwan", "nattapon"),
        US_PHONE,
    ),
    Country(
        ("አበበ", "ሰላም"),
        ("ተስፋዬ", "ገብረማርያም"),
        ("አዲስ ትምህርት ቤት",),
        ("abebe", "selam"),
        UK_PHONE,
    ),
)
# Some countries' branches are larger than others'.
WEIGHTS = (9, 9, 8, 6, 5, 3, 2, 4, 3, 5, 3, 2, 4, 5, 4, 3, 1, 1)

DOMAINS = ("example.com", "example.org", "example.net", "mail.example", "office.example")
# What clerks type into a name that has room for it.
SUFFIXES = (
    "(invoices to the head office in Zürich, deliveries only Tuesday to Thursday between nine and eleven, ring twice)",
    "formerly trading as Hallström, Ångström & Partner Kontorsmöbler i Göteborg Aktiebolag, still answers to that name",
    "— attention: purchasing department, second courtyard, left staircase, third floor; the lift is out of order",
    "представительство в Центральной Азии, отдел снабжения и материально-технического обеспечения",
    "فرع المنطقة الصناعية الثانية، مبنى رقم ١٤، الطابق الثالث، بجوار البوابة الجنوبية",
)


def customer(dice: random.Random) -> Contact:
    """One believable customer: a person or a company. Some have no address, some a name that is far too long."""
    country = dice.choices(COUNTRIES, weights=WEIGHTS)[0]
    if dice.random() < 0.3:
        name, handle = dice.choice(country.companies), "office"
        if dice.random() < 0.5:
            name = f"{name}, {dice.choice(country.family)}"
    else:
        at = dice.randrange(len(country.given))
        parts = (country.given[at], dice.choice(country.family))
        name, handle = country.separator.join(reversed(parts) if country.family_first else parts), country.handles[at]
    if dice.random() < 1 / 16:
        name = ", ".join([name, *dice.sample(SUFFIXES, k=dice.randint(1, 4))])
    return Contact(name[:500], email(dice, handle), phone(dice, country))


def email(dice: random.Random, handle: str) -> str:
    if dice.random() < 0.12:
        return ""
    return f"{handle}{dice.randrange(10, 9999)}@{dice.choice(DOMAINS)}"


def phone(dice: random.Random, country: Country) -> str:
    if dice.random() < 0.25:
        return ""
    return country.phone.format(dice.randrange(100), dice.randrange(100))
