from django.conf import settings
from django.urls import path

from realtime.hub.consumer import serve_live_socket

websocket_urlpatterns = [
    # ASGI applications, for Channels' URLRouter.
    path(f"{settings.URL_PREFIX[1:]}ws/live/", serve_live_socket),  # type: ignore[arg-type]
]
