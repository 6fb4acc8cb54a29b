"""Signed-in people whose pages a benchmark opens, without a page for each."""

import json

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore

from realtime.live.definition import definition_named
from realtime.live.tokens import sign

PEOPLE = 20


def openings(definition: str = "products") -> list[tuple[dict[str, str], str]]:
    """For each person the handshake's headers, and the message by which a page that shows this list attaches."""
    message = attach(definition)
    return [({"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}, message) for session in sessions(PEOPLE)]


def sessions(people: int) -> list[str]:
    """Session keys of that many people who may see everything."""
    keys = []
    for number in range(people):
        user, _ = get_user_model()._default_manager.get_or_create(
            username=f"bench-{number}", defaults={"is_superuser": True, "is_staff": True}
        )
        store = SessionStore()
        store[SESSION_KEY] = str(user.pk)
        store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        store[HASH_SESSION_KEY] = user.get_session_auth_hash()
        store.create()
        keys.append(str(store.session_key))
    return keys


def attach(name: str) -> str:
    """As the browser attaches a list that it has just been painted with."""
    definition = definition_named(name)
    params = definition.normalise({})
    shown = definition.snapshot(params).shown
    told = {"rows": shown.rows, "count": shown.count, "parts": shown.parts}
    return json.dumps({"type": "attach", "id": 1, "token": sign(name, params)} | told)
