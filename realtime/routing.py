from django.urls import path

from realtime.hub.consumer import serve_live_socket

websocket_urlpatterns = [path("ws/live/", serve_live_socket)]  # type: ignore[arg-type]  # ASGI applications, for Channels' URLRouter
