from django.urls import path

from realtime.operating import views
from realtime.pages import bulk, draft_pages, offline, writes
from realtime.pages.history_pages import history, undo_page
from realtime.pages.search_everywhere import search_everywhere

urlpatterns = [
    path("history/", history, name="history"),
    path("history/undo/", undo_page, name="undo"),
    path("search/", search_everywhere, name="search"),
    path("drafts/", draft_pages.listing, name="drafts"),
    path("drafts/here/", draft_pages.here, name="drafts-here"),
    path("drafts/<uuid:pk>/drop/", draft_pages.drop, name="draft-drop"),
    path("bulk/", bulk.listing, name="bulks"),
    path("bulk/<uuid:pk>/", bulk.show, name="bulk"),
    path("bulk/<uuid:pk>/stop/", bulk.stop, name="bulk-stop"),
    path("bulk/<uuid:pk>/resume/", bulk.resume, name="bulk-resume"),
    path("sw.js", offline.service_worker, name="service-worker"),
    path("offline/", offline.without_network, name="offline"),
    path("writes/who/", writes.who, name="writes-who"),
    path("realtime/status/", views.status, name="realtime-status"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
]
