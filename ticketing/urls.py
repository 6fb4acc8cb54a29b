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
    path("tickets/<key:pk>/assignment/", assignments.assign, name="assignment"),
    path("tickets/<key:pk>/status/", status_changes.change_status, name="status-change"),
    path("tickets/<key:pk>/priority/", priority_changes.change_priority, name="priority-change"),
    path("tickets/<key:pk>/comments/", comments.create, name="comment-create"),
    path("tickets/<key:pk>/people/", mentions.people, name="people"),
    path("tickets/<key:pk>/attachments/", attachments.create, name="attachment-create"),
    path("tickets/<key:pk>/merge/", merging.merge, name="ticket-merge"),
    path("tickets/<key:pk>/links/", links.create, name="link-create"),
    path("tickets/<key:pk>/links/remove/", links.delete, name="link-delete"),
    path("comments/<key:pk>/", comments.show, name="comment"),
    path("comments/<key:pk>/edit/", comments.edit, name="comment-edit"),
    path("comments/<key:pk>/delete/", comments.delete, name="comment-delete"),
    path("attachments/<key:pk>/", attachments.download, name="attachment"),
    path("attachments/<key:pk>/delete/", attachments.delete, name="attachment-delete"),
    path("board/", board.board, name="board"),
    path("own/<uuid:pk>.css", own.own_stylesheet, name="own"),
]
