"""What the connected users may see, reread for all of them together.

It takes a few queries every few seconds, however many users there are: a revoked right, a closed account or an ended
session takes effect on open sockets without a query per socket (design rule 12).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.utils import timezone

from realtime.database.words import forget_words_here, signature
from realtime.live.people import named
from realtime.sight import Sight, read_sights

REREAD_SECONDS = 3.0
# In a session whose user has signed in and may see nothing yet.
CONFINED = "confined"


@dataclass(frozen=True, slots=True)
class Rights:
    """A user's permissions as ``app.codename``; a superuser has every one. ``auth_hash`` depends on the password."""

    permissions: frozenset[str] = frozenset()
    everything: bool = False
    auth_hash: str = ""

    def allow(self, permission: str) -> bool:
        return self.everything or permission in self.permissions

    def allow_all(self, permissions: Iterable[str]) -> bool:
        return all(map(self.allow, permissions))


NO_RIGHTS = Rights()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a session belongs to, and the hash of the password it was opened with."""

    user: str
    auth_hash: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Who is still there: rights and names by user (none for a closed account), and the sessions still valid."""

    rights: dict[str, Rights]
    sessions: frozenset[str]
    names: dict[str, str]
    # That of the words in the table: what pages were painted with may be older.
    words: str
    # Of those who don't see every row.
    sights: dict[str, Sight]


def read_arrivals(sessions: Iterable[str]) -> tuple[dict[str, Identity], Standing]:
    """Who these session keys belong to, and what they may see; nobody for a session that has ended."""
    identities = {}
    for session in Session.objects.filter(session_key__in=list(sessions), expire_date__gt=timezone.now()):
        told = session.get_decoded()
        if SESSION_KEY in told and not told.get(CONFINED):
            identities[session.session_key] = Identity(told[SESSION_KEY], told.get(HASH_SESSION_KEY, ""))
    return identities, read_standing({identity.user for identity in identities.values()}, identities)


def read_standing(users: Iterable[str], sessions: Iterable[str]) -> Standing:
    users = list(users)
    active = list(named().filter(pk__in=users, is_active=True).only("password", "is_superuser"))
    permissions: defaultdict[str, set[str]] = defaultdict(set)
    for owner in ("user", "group__user"):
        granted = Permission.objects.filter(**{f"{owner}__in": users})
        for key, app, codename in granted.values_list(f"{owner}__pk", "content_type__app_label", "codename"):
            permissions[str(key)].add(f"{app}.{codename}")
    forget_words_here()
    living = Session.objects.filter(session_key__in=list(sessions), expire_date__gt=timezone.now())
    return Standing(
        {
            str(user.pk): Rights(frozenset(permissions[str(user.pk)]), user.is_superuser, user.get_session_auth_hash())
            for user in active
        },
        frozenset(living.values_list("session_key", flat=True)),
        {str(user.pk): user.shown_name for user in active},
        signature(),
        read_sights(str(user.pk) for user in active),
    )
