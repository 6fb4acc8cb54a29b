import random
from pkgutil import resolve_name
from typing import Any

from django.apps import AppConfig

# So that few rows make several pages. Whoever compares with such a process needs the same.
SMALL_PAGES = {"crm.live.timeline.PAGE_SIZE": 4, "ticketing.live.conversation.Conversation.page_size": 5}
# What no change told of stays wrong, where rereading every view within the minute would put it right.
NEVER = {"realtime.hub.view_reader.AGE_SECONDS": float("inf")}
# A heartbeat tells of messages that were lost; the test would only wait for it, as for what is seldom read.
HASTE = {"realtime.worker.heartbeat.BEAT_SECONDS": 0.5}
LONGEST_PAUSE = 0.2


class WeakLayerConfig(AppConfig):
    name = "tests.weak_layer"

    def ready(self) -> None:
        from realtime.live.definition import Pace, _definitions

        for path, value in (SMALL_PAGES | NEVER | HASTE).items():
            put(path, value)
        chance = random.Random()
        for definition in _definitions.values():
            vars(definition)["pause"] = min(definition.pause, LONGEST_PAUSE)
            window, longest = chance.choice((0.0, 0.02, 0.3)), chance.choice((0.0, 0.25, 0.5))
            vars(definition)["pace"] = Pace(window, longest, chance.choice((1.0, 200.0)), chance.random() < 0.3)


def put(path: str, value: Any) -> None:
    owner, _, attribute = path.rpartition(".")
    setattr(resolve_name(owner), attribute, value)
