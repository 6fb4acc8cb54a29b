"""The ASGI application: Django over HTTP, the live socket over WebSocket."""

import gc
import os
from importlib import import_module

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
# Before the imports below: they need the app registry.
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402
from django.conf import settings  # noqa: E402

from realtime.build import build_id  # noqa: E402
from realtime.database.pool import share_connections  # noqa: E402
from realtime.hub.origin import SameOrigin  # noqa: E402
from realtime.routing import websocket_urlpatterns  # noqa: E402

# Reads the name of the running build before a deploy changes the files underneath.
build_id()

share_connections(settings.DATABASE_POOL_SIZE)

# A full collection goes through every object, while all pages of this process wait: 69 ms where Django was among them.
# What is loaded now stays for as long as the process does.
import_module(settings.ROOT_URLCONF)
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 50)

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": AllowedHostsOriginValidator(SameOrigin(CookieMiddleware(URLRouter(websocket_urlpatterns)))),
    }
)
