from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from project.views import dashboard

# Failed requests: a form's text stays on the screen, and a refusal by the database is named.
handler400 = "realtime.pages.unsent.bad_request"
handler403 = "realtime.pages.unsent.permission_denied"
handler404 = "realtime.pages.unsent.page_not_found"
handler500 = "realtime.pages.unsent.server_error"

urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("sign-in/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("sign-out/", auth_views.LogoutView.as_view(), name="logout"),
    path("crm/", include("crm.urls")),
    path("ticketing/", include("ticketing.urls")),
    path("notifications/", include("ticketing.notification_urls")),
    path("admin/", admin.site.urls),
    path("", include("realtime.urls")),
]
