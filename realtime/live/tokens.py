"""The signed token of a view: (name, parameters). It grants nothing; the rights of the socket do (design rule 8)."""

import hashlib
import json
from functools import lru_cache

from django.core.signing import Signer

from realtime.database.words import signature
from realtime.live.definition import Definition, Params, UnknownDefinition, definition_named
from realtime.sight import Sight, current_sight

_signer = Signer(salt="realtime.live")


def sign(name: str, params: Params) -> str:
    return _signer.sign_object({"n": name, "p": params})


def read_token(token: str) -> tuple[Definition, Params]:
    """Raises ``BadSignature`` for a token that isn't ours, ``UnknownDefinition`` for one of another version."""
    payload = _signer.unsign_object(token)
    definition = definition_named(payload["n"])
    try:
        return definition, definition.normalise(payload["p"])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise UnknownDefinition(f"list '{payload['n']}' takes other parameters now") from None


def read_view(token: str) -> tuple[Definition, Params, str]:
    """The same, with the key of the view for whoever sees what the current person sees."""
    return _read_view(token, current_sight(), signature())


# After an outage everybody comes back with the same few tokens. What they mean may depend on the words that there are.
@lru_cache(maxsize=1024)
def _read_view(token: str, sight: Sight | None, _words: str) -> tuple[Definition, Params, str]:
    definition, params = read_token(token)
    return definition, params, view_key(definition, params, sight)


def view_key(definition: Definition, params: Params, sight: Sight | None = None) -> str:
    """Who sees the same rows shares a view."""
    seen = [] if sight is None else [str(sight)]
    canonical = json.dumps([definition.name, params, *seen], sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=12).hexdigest()
