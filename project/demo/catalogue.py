"""Goods of an office outfitter that sells in many countries: the demo's products."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Goods:
    """One kind of article: its prices, and what is said about it."""

    noun: str
    lowest: int
    highest: int
    description: str


@dataclass(frozen=True)
class Shelf:
    """What one country's branch sells, in that country's language."""

    goods: Sequence[Goods]
    variants: Sequence[str]


@dataclass(frozen=True)
class Article:
    name: str
    description: str
    price: Decimal


SHELVES = (
    Shelf(
        goods=(
            Goods("Height-adjustable desk", 390, 890, "Two quiet motors, four memory positions, 120 kg load."),
            Goods("Task chair", 180, 620, "Synchronous mechanism, adjustable lumbar support, five-year warranty."),
            Goods("Acoustic screen", 70, 240, "Absorbs the voices of the desk opposite; made from recycled bottles."),
            Goods("Monitor arm", 45, 160, "Gas spring, for screens from 3 to 9 kg, cable channel inside."),
            Goods("Pedestal with lock", 110, 260, "Three drawers that close softly. Two keys, registered."),
            Goods("LED desk lamp", 35, 140, "Warm to neutral white; dims without flicker; no visible screws."),
            Goods("Whiteboard", 60, 330, "Enamelled steel, can be wiped clean for twenty-five years."),
            Goods("USB-C dock", 90, 280, "One cable for two screens, network and 96 W of power."),
        ),
        variants=("oak", "walnut", "white", "graphite", "160 × 80 cm", "compact", "refurbished, grade A"),
    ),
    Shelf(
        goods=(
            Goods("Konferenztisch", 480, 1900, "Für acht Personen; Kabelauslass in der Mitte, Füße mit Ausgleich."),
            Goods("Aktenschrank", 190, 540, "Stahlblech, pulverbeschichtet, vier Böden, Drehriegelschloss."),
            Goods("Fußstütze", 25, 90, "Neigung stufenlos, rutschfeste Oberfläche."),
            Goods("Stehhilfe", 120, 310, "Pendelt mit. Sitzhöhe 60 bis 85 cm."),
            Goods("Garderobenständer", 55, 210, "Acht Haken, Schirmhalter, standfest auch mit Wintermänteln."),
            Goods("Bürolocher", 9, 48, ""),
        ),
        variants=("Buche", "Lichtgrau", "Anthrazit", "höhenverstellbar", "B-Ware, geprüft", "120 cm"),
    ),
    Shelf(
        goods=(
            Goods("Fauteuil visiteur", 95, 380, "Piètement luge, assise garnie, empilable par quatre."),
            Goods("Bibliothèque ouverte", 150, 610, "Cinq niveaux réglables, fixation murale comprise."),
            Goods("Machine à café à grains", 420, 1650, "Broyeur en céramique ; réservoir de 2,5 l ; nettoyage guidé."),
            Goods("Corbeille à papier", 12, 45, ""),
            Goods("Panneau d’affichage", 30, 130, "Liège naturel, cadre en hêtre certifié."),
        ),
        variants=("chêne clair", "noir mat", "bleu pétrole", "grand modèle", "édition atelier"),
    ),
    Shelf(
        goods=(
            Goods("Silla de colectividades", 40, 130, "Ligera y apilable; para salas de formación y comedores."),
            Goods("Taquilla metálica", 110, 350, "Ventilada, con portaetiquetas y cerradura de monedas."),
            Goods("Destructora de papel", 85, 470, "Corte en partículas (P-4), admite grapas y tarjetas."),
            Goods("Alfombrilla ergonómica", 10, 38, ""),
        ),
        variants=("haya", "gris perla", "pequeña", "de exposición", "reforzada"),
    ),
    Shelf(
        goods=(
            Goods("Biurko narożne", 260, 720, "Blat odporny na zarysowania, możliwość montażu lewo- i prawostronnego."),
            Goods("Krzesło obrotowe", 120, 430, "Oparcie z siatki, regulowane podłokietniki."),
            Goods("Półka ścienna", 25, 95, ""),
        ),
        variants=("dąb", "biel", "szary łupek", "z przepustem kablowym"),
    ),
    Shelf(
        goods=(
            Goods("昇降デスク", 380, 980, "電動で静か。天板は傷に強いメラミン化粧板です。"),
            Goods("会議用チェア", 90, 360, "座面がはね上がり、並べて収納できます。"),
            Goods("ホワイトボード", 70, 300, ""),
        ),
        variants=("ナチュラル", "ブラック", "幅120cm", "キャスター付き"),
    ),
    Shelf(
        goods=(
            Goods("مكتب تنفيذي", 450, 1500, "خشب زان طبيعي، أدراج بقفل مركزي."),
            Goods("كرسي دوّار", 130, 480, "مسند للظهر قابل للتعديل وذراعان متحركتان."),
        ),
        variants=("لون الجوز", "أسود", "مقاس كبير"),
    ),
    Shelf(
        goods=(
            Goods("कार्यालय की मेज़", 120, 420, "सागौन की लकड़ी, तीन दराज़, तार के लिए छेद।"),
            Goods("Кресло руководителя", 210, 690, "Натуральная кожа, механизм качания, нагрузка до 150 кг."),
            Goods("Φωριαμός γραφείου", 140, 390, ""),
        ),
        variants=("A", "B", "XL"),
    ),
)

REMARKS = (
    "delivered fully assembled, packaging taken back and recycled",
    "with an extended five-year on-site warranty and a replacement unit within two working days",
    "tested to EN 527 and EN 1335 by an independent laboratory",
    "matching the furniture of the Göteborg and Łódź headquarters that was ordered in the spring",
    "including a set of spare parts that would otherwise have to be ordered separately",
)


def article(dice: random.Random) -> Article:
    """One believable article; about one in twelve has a name as long as procurement systems make them."""
    shelf = dice.choices(SHELVES, weights=[len(shelf.goods) for shelf in SHELVES])[0]
    goods = dice.choice(shelf.goods)
    number = f"{dice.choice('ABCDEFHKLMN')}{dice.randrange(100, 1000)}"
    name = f"{goods.noun} {number}, {dice.choice(shelf.variants)}"
    if dice.random() < 1 / 12:
        name = f"{name}, {', '.join(dice.sample(REMARKS, k=dice.randint(2, 4)))}"
    return Article(name[:500], "" if dice.random() < 0.1 else goods.description, price(dice, goods))


def price(dice: random.Random, goods: Goods) -> Decimal:
    """A typical shop price: a whole number, or just below one."""
    return Decimal(dice.randint(goods.lowest, goods.highest)) - dice.choice(
        (Decimal(0), Decimal("0.01"), Decimal("0.10"))
    )
