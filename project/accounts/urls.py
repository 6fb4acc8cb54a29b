from allauth.account import views as account
from allauth.socialaccount import views as social
from django.urls import include, path, re_path
from django.views.decorators.http import require_POST
from django.views.generic import RedirectView

from project.accounts import profile, sessions, single_sign_on
from project.accounts.passwords import ResetView
from project.accounts.sign_in import SignInView

# The names that allauth looks for.
FROM_KEY = "account_reset_password_from_key"
# A user's key, and the token.
MAILED = r"^account/password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$"

urlpatterns = [
    path("sign-in/", SignInView.as_view(), name="account_login"),
    path("sign-out/", require_POST(account.logout), name="account_logout"),
    path("profile/", profile.profile, name="profile"),
    path("profile/choose/", profile.choose, name="profile-choose"),
    path("account/closed/", account.account_inactive, name="account_inactive"),
    path("account/password/", account.password_change, name="account_change_password"),
    path("account/password/set/", account.password_set, name="account_set_password"),
    path("account/password/reset/", ResetView.as_view(), name="account_reset_password"),
    path("account/password/reset/sent/", account.password_reset_done, name="account_reset_password_done"),
    path("account/password/reset/done/", account.password_reset_from_key_done, name=FROM_KEY + "_done"),
    re_path(MAILED, account.password_reset_from_key, name=FROM_KEY),
    # The administration's own form has no limit.
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("account/<slug:provider_id>/login/", single_sign_on.begin, name="openid_connect_login"),
    path("account/sign-in-cancelled/", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("account/<slug:provider_id>/login/callback/", single_sign_on.come_back, name="openid_connect_callback"),
    path("account/confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("account/second-factor/", include("allauth.mfa.urls")),
    path("account/sessions/", sessions.listing, name="usersessions_list"),
    path("account/sessions/end/", sessions.end, name="sessions-end"),
]
