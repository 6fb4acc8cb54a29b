"""What people say and write at the service desk: the words of interactions, tickets, comments and files."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from crm.models import Interaction
from ticketing.models import Ticket

Choice = TypeVar("Choice", bound=str)

LONG = (
    "For the record, as agreed on the phone: the forwarder came at ten, the concierge signed, and the pallet stood in "
    "the yard until the afternoon because the lift takes 400 kg and the pallet weighs 430. It was then unpacked "
    "downstairs and carried up piece by piece. Two corners show pressure marks, the cardboard was wet on one side, and "
    "the bag with the fittings was missing. Photos are attached. We can live with the marks if the fittings arrive "
    "before Friday; otherwise we would like to send everything back and order again in the spring."
)


@dataclass(frozen=True)
class Trouble:
    """A reason to write to the service desk. ``{product}`` stands for the product concerned."""

    title: str
    descriptions: Sequence[str]


TROUBLES = (
    Trouble(
        "{product}: arrived damaged",
        ("The front left corner is dented. The box looked fine from outside.", "Scratched across the whole top.", LONG),
    ),
    Trouble("{product}: one part is missing", ("The bag of screws wasn’t in the box.", "Only three of four feet.", "")),
    Trouble("Delivery date for {product}?", ("It was promised for last week, and we are closed on Fridays.", "")),
    Trouble("Invoice shows the wrong amount", ("The discount we agreed on isn’t on it.", "VAT was charged twice.")),
    Trouble("Can we swap {product} for another colour?", ("Still in its box, never opened.", "")),
    Trouble("How do I assemble {product}?", ("The leaflet is in Finnish only.", "Step 7 doesn’t match the drawing.")),
    Trouble("{product} makes a noise", ("A high squeak when going up, nothing when going down.", "")),
    Trouble("Please cancel our order", ("We moved offices and have no room for it any more.", "")),
    Trouble("Address change before Monday", ("New entrance is around the corner, number 14b.",)),
    Trouble("Spare key for {product}", ("Lost one, key number 4417.", "")),
    Trouble("Reklamation: {product}", ("Die Rückenlehne lässt sich nicht mehr feststellen.", "Lack blättert ab.")),
    Trouble("Lieferschein fehlt", ("Bitte als PDF an die Buchhaltung.", "")),
    Trouble("Remboursement en attente", ("Cela fait trois semaines, merci de nous tenir au courant.", "")),
    Trouble("{product} : notice introuvable", ("Pouvez-vous nous envoyer la notice en français ?",)),
    Trouble("La cerradura de {product} no abre", ("La llave gira en vacío.", "")),
    Trouble("Faktura korygująca", ("Proszę o korektę: błędny NIP.", "")),
    Trouble("納品日の変更について", ("来週の水曜日の午前中に変更できますか。", "")),
    Trouble("发票抬头需要更改", ("请改为公司全称，谢谢。", "")),
    Trouble("استبدال {product}", ("وصل المنتج مكسورًا ونرجو استبداله في أقرب وقت.", "")),
    Trouble("החזרה של {product}", ("לא מתאים במידות, נשמח להחזיר.", "")),
    Trouble("Не пришло подтверждение заказа", ("Заказ оплачен вчера, письма нет.", "")),
)

COMMENTS = (
    "Called back, nobody answered. Will try again after lunch.",
    "Spoke to the customer: a replacement is fine, no need to collect the old one.",
    "Asked the warehouse for photos of the batch.",
    "Warehouse says it left on Tuesday; tracking number sent by mail.",
    "Refund is on its way, three to five working days.",
    "Same fault as last month with this supplier, see the other tickets.",
    "Customer is very kind about it. Let’s add a voucher.",
    "Waiting for the carrier.",
    "Spare part ordered, arrives Thursday.",
    "Could somebody who speaks Polish please call?",
    "Done, and confirmed by the customer. 🎉",
    "Reopened: the second one squeaks as well.",
    "+1",
    "Rückruf vereinbart für morgen 9 Uhr.",
    "Le client confirme l’adresse de livraison.",
    "El técnico pasa el lunes.",
    "確認しました。明日発送します。",
    "تم التواصل مع العميل وسيتم الشحن غدًا.",
    "לקוח מאשר, אפשר לסגור.",
    "Клиент просит перезвонить после шести.",
    LONG,
)

NOTES = {
    Interaction.Type.CALL: (
        "Asked about delivery to the third floor.",
        "Wants an offer for twelve chairs by the end of the month.",
        "Not reached, left a message.",
        "Rückfrage zur Garantie, Unterlagen geschickt.",
        "",
    ),
    Interaction.Type.EMAIL: (
        "Sent the offer with both variants.",
        "Confirmed the order, asked for the drawing of the table top.",
        "Demande un échantillon de tissu bleu pétrole.",
        "カタログを送付。",
        "",
    ),
    Interaction.Type.MEETING: (
        "Measured the meeting room: 6.40 × 3.85 m, two columns.",
        "Walk through the showroom; likes the oak, not the price.",
        "اجتماع في المعرض لاختيار الألوان.",
        LONG,
    ),
    Interaction.Type.NOTE: (
        "Pays late but always pays.",
        "Birthday of the founder is in May: send a card.",
        "Prefers to be called before ten.",
        "Предпочитает письма, не звонки.",
        "",
    ),
}
TYPE_WEIGHTS = {
    Interaction.Type.CALL: 40,
    Interaction.Type.EMAIL: 30,
    Interaction.Type.MEETING: 10,
    Interaction.Type.NOTE: 20,
}

PRIORITY_WEIGHTS = {
    Ticket.Priority.LOW: 15,
    Ticket.Priority.NORMAL: 60,
    Ticket.Priority.HIGH: 18,
    Ticket.Priority.URGENT: 7,
}
NEXT_STATUS = {
    Ticket.Status.OPEN: (Ticket.Status.PENDING, Ticket.Status.RESOLVED),
    Ticket.Status.PENDING: (Ticket.Status.OPEN, Ticket.Status.RESOLVED),
    Ticket.Status.RESOLVED: (Ticket.Status.CLOSED, Ticket.Status.OPEN),
    Ticket.Status.CLOSED: (),
}

FILES = (
    ("damage-{n}.jpg", "image/jpeg", 2_400_000),
    ("IMG_{n}.HEIC", "image/heic", 3_100_000),
    ("Lieferschein {n}.pdf", "application/pdf", 180_000),
    ("invoice-{n}.pdf", "application/pdf", 95_000),
    ("צילום {n}.png", "image/png", 640_000),
    ("رقم الطلب {n}.pdf", "application/pdf", 120_000),
    ("figure {n}.dwg", "application/octet-stream", 5_800_000),
    ("noise on the way up, recorded with the phone on the table top {n}.m4a", "audio/mp4", 1_200_000),
)


@dataclass(frozen=True)
class Request:
    title: str
    description: str
    priority: str


@dataclass(frozen=True)
class File:
    """A file attached by another system, at an address that leads nowhere."""

    name: str
    url: str
    type: str
    size: int


def request(dice: random.Random, product: str) -> Request:
    """The words of a new ticket about ``product``."""
    trouble = dice.choice(TROUBLES)
    title = trouble.title.format(product=product)
    return Request(title[:500], dice.choice(trouble.descriptions), weighted(dice, PRIORITY_WEIGHTS))


def comment(dice: random.Random) -> str:
    return dice.choice(COMMENTS)


def interaction(dice: random.Random) -> tuple[str, str]:
    """An interaction's type and notes."""
    kind = weighted(dice, TYPE_WEIGHTS)
    return kind, dice.choice(NOTES[Interaction.Type(kind)])


def file(dice: random.Random) -> File:
    number = dice.randrange(1000, 10_000)
    name, kind, size = dice.choice(FILES)
    return File(
        name=name.format(n=number),
        url=f"https://files.example.com/{dice.getrandbits(64):016x}",
        type=kind,
        size=int(size * dice.uniform(0.5, 1.5)),
    )


def weighted(dice: random.Random, weights: Mapping[Choice, int]) -> str:
    return str(dice.choices([*weights], weights=[*weights.values()])[0])
