from django.urls import path

from realtime.operating import views
from realtime.pages.search_everywhere import search_everywhere

urlpatterns = [
    path("search/", search_everywhere, name="search"),
    path("realtime/status/", views.status, name="realtime-status"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
]
