from allauth.account import views as account
from django.urls import include, path
from django.views.decorators.http import require_POST

from project.accounts import profile, sessions
from project.accounts.sign_in import SignInView

urlpatterns = [
    path("sign-in/", SignInView.as_view(), name="account_login"),
    path("sign-out/", require_POST(account.logout), name="account_logout"),
    path("profile/", profile.profile, name="profile"),
    path("profile/choose/", profile.choose, name="profile-choose"),
    path("account/closed/", account.account_inactive, name="account_inactive"),
    path("account/confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("account/second-factor/", include("allauth.mfa.urls")),
    path("account/sessions/", sessions.listing, name="usersessions_list"),
    path("account/sessions/end/", sessions.end, name="sessions-end"),
]
