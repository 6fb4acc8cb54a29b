"""Addresses of what people were told; they stand beside the apps' own (``project/urls.py``)."""

from django.urls import path

from ticketing.views import notifications

urlpatterns = [
    path("", notifications.listing, name="notifications"),
    path("read/", notifications.mark_all, name="notifications-read"),
    path("choices/", notifications.choices, name="notification-choices"),
    path("<int:pk>/", notifications.follow, name="notification"),
]
