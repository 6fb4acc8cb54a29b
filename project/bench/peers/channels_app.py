"""Plain Channels: a consumer for each socket, in one group."""

import os

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter
from django.conf import settings

GROUP = "bench"

settings.configure(
    CHANNEL_LAYERS={
        "default": {"BACKEND": os.environ["BENCH_LAYER"], "CONFIG": {"hosts": [os.environ["REDIS_URL"]]}},
    },
    USE_TZ=True,
    LOGGING_CONFIG=None,
)
django.setup()


class Consumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()
        await self.send('{"type":"attached"}')

    async def bench_message(self, message: dict[str, str]) -> None:
        await self.send(message["text"])


application = ProtocolTypeRouter({"websocket": Consumer.as_asgi()})
