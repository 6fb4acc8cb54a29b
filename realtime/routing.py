from django.conf import settings
from django.urls import path

from realtime.hub.consumer import LiveConsumer

websocket_urlpatterns = [path(f"{settings.URL_PREFIX[1:]}ws/live/", LiveConsumer.as_asgi())]
