from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from project.views import dashboard

# Signing in to the administration is signing in to the portal: the same page, the same limits.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# Failed requests: a form's text stays on the screen, and a refusal by the database is named.
handler400 = "realtime.pages.unsent.bad_request"
handler403 = "realtime.pages.unsent.permission_denied"
handler404 = "realtime.pages.unsent.page_not_found"
handler500 = "realtime.pages.unsent.server_error"

_portal: list[URLPattern | URLResolver] = [
    path("", dashboard, name="dashboard"),
    path("", include("project.accounts.urls")),
    path("crm/", include("crm.urls")),
    path("ticketing/", include("ticketing.urls")),
    path("notifications/", include("ticketing.notification_urls")),
    path("admin/", admin.site.urls),
    path("", include("realtime.urls")),
]
urlpatterns = [path(settings.URL_PREFIX[1:], include(_portal))]
