from django.urls import path

from ticketing.views import (
    assignments,
    attachments,
    board,
    comments,
    links,
    mentions,
    merging,
    own,
    priority_changes,
    status_changes,
)
from ticketing.views.tickets import PAGES

app_name = "ticketing"

urlpatterns = [
    *PAGES.urls(),
    path("tickets/<uuid:pk>/assignment/", assignments.assign, name="assignment"),
    path("tickets/<uuid:pk>/status/", status_changes.change_status, name="status-change"),
    path("tickets/<uuid:pk>/priority/", priority_changes.change_priority, name="priority-change"),
    path("tickets/<uuid:pk>/comments/", comments.create, name="comment-create"),
    path("tickets/<uuid:pk>/people/", mentions.people, name="people"),
    path("tickets/<uuid:pk>/attachments/", attachments.create, name="attachment-create"),
    path("tickets/<uuid:pk>/merge/", merging.merge, name="ticket-merge"),
    path("tickets/<uuid:pk>/links/", links.create, name="link-create"),
    path("tickets/<uuid:pk>/links/remove/", links.delete, name="link-delete"),
    path("comments/<uuid:pk>/", comments.show, name="comment"),
    path("comments/<uuid:pk>/edit/", comments.edit, name="comment-edit"),
    path("comments/<uuid:pk>/delete/", comments.delete, name="comment-delete"),
    path("attachments/<uuid:pk>/", attachments.download, name="attachment"),
    path("attachments/<uuid:pk>/delete/", attachments.delete, name="attachment-delete"),
    path("board/", board.board, name="board"),
    path("own/<uuid:pk>.css", own.own_stylesheet, name="own"),
]
