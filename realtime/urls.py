from django.urls import path

from realtime.operating import views

urlpatterns = [
    path("realtime/status/", views.status, name="realtime-status"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
]
