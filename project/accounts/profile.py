"""``/profile/``: one's own name, and how the portal looks to oneself on whatever machine.

Rows are rendered once for everybody, so zone and language reach them in the browser (static/js/elements/local-time.js).
"""

from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_http_methods, require_POST

from project.accounts.models import Preferences
from realtime.live.person import person_of
from realtime.live.zones import known_zones
from realtime.pages.local_times import COOKIE

LOCALES = (
    ("", "As the browser has it"),
    ("cs-CZ", "Čeština"),
    ("da-DK", "Dansk"),
    ("de-DE", "Deutsch"),
    ("de-AT", "Deutsch (Österreich)"),
    ("de-CH", "Deutsch (Schweiz)"),
    ("en-GB", "English (United Kingdom)"),
    ("en-US", "English (United States)"),
    ("es-ES", "Español"),
    ("fr-FR", "Français"),
    ("it-IT", "Italiano"),
    ("nl-NL", "Nederlands"),
    ("nb-NO", "Norsk"),
    ("pl-PL", "Polski"),
    ("pt-BR", "Português (Brasil)"),
    ("pt-PT", "Português (Portugal)"),
    ("fi-FI", "Suomi"),
    ("sv-SE", "Svenska"),
    ("tr-TR", "Türkçe"),
    ("uk-UA", "Українська"),
    ("ja-JP", "日本語"),
    ("zh-CN", "中文"),
)
# What the user menu's switches change in the background.
SWITCHES = ("theme", "shortcuts")
VALID = f"A theme is {', '.join(Preferences.Theme.values)}; shortcuts are {', '.join(Preferences.Shortcuts.values)}."
YEAR_SECONDS = 365 * 24 * 3600


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    first_name = forms.CharField(max_length=150, required=False)
    last_name = forms.CharField(max_length=150, required=False)
    time_zone = forms.ChoiceField(required=False)
    locale = forms.ChoiceField(
        label="Language of dates",
        required=False,
        choices=LOCALES,
        help_text="The portal itself speaks English.",
    )

    field_order = ("first_name", "last_name", "time_zone", "locale", "theme", "density", "shortcuts")

    class Meta:
        model = Preferences
        fields = ("time_zone", "locale", "theme", "density", "shortcuts")
        help_texts = {"shortcuts": "j and k for the next row, “?” for all of them."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = sorted(name for name in known_zones() if "/" in name and not name.startswith("Etc/"))
        choices = [("", "As the computer has it"), ("UTC", "UTC"), *((name, name.replace("_", " ")) for name in zones)]
        self.fields["time_zone"].choices = choices  # type: ignore[attr-defined]
        user = self.instance.user
        self.fields["first_name"].initial, self.fields["last_name"].initial = user.first_name, user.last_name

    def save(self, commit: bool = True) -> Preferences:
        user = self.instance.user
        user.first_name, user.last_name = self.cleaned_data["first_name"], self.cleaned_data["last_name"]
        user.save(update_fields=["first_name", "last_name"])
        saved: Preferences = super().save(commit)
        return saved


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    kept = preferences_of(request.user)
    form = ProfileForm(request.POST or None, instance=kept)
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        messages.success(request, "Your profile was saved.")
        response = redirect("profile")
        tell_zone(response, saved)
        return response
    return render(request, "profile.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """One switch of the user menu, sent in the background for the person that the page was painted for."""
    if request.headers.get("X-Person") != person_of(request.user):
        return HttpResponse("Somebody else is signed in.", status=409, content_type="text/plain")
    kept = preferences_of(request.user)
    for name in SWITCHES:
        if name in request.POST:
            setattr(kept, name, request.POST[name])
    try:
        kept.clean_fields()
    except ValidationError as error:
        told = " ".join(error.messages)
        return HttpResponse(f"{told} {VALID}", status=400, content_type="text/plain")
    kept.save()
    return HttpResponse(status=204)


def preferences_of(user: Any) -> Preferences:
    """What somebody has chosen, or what holds until they do."""
    return Preferences.objects.filter(user=user).first() or Preferences(user=user)


def tell_zone(response: HttpResponse, preferences: Preferences) -> None:
    """Pages are painted for the zone in this cookie; static/js/timezone.js keeps it as it is chosen."""
    if zone := preferences.time_zone:
        response.set_cookie(COOKIE, zone, max_age=YEAR_SECONDS, path=settings.URL_PREFIX, samesite="Lax")


def preferences(request: HttpRequest) -> dict[str, Any]:
    """Context processor; read only where a page is painted."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"preferences": SimpleLazyObject(partial(preferences_of, user))}
