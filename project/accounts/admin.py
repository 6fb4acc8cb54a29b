from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse

from project.accounts.linking import check_link, link
from project.accounts.models import GroupRule, User
from project.accounts.seen import column_choices, what_is_seen_by
from realtime.models import ColumnLimit, RowLimit


class LinkingUserForm(UserChangeForm):  # type: ignore[type-arg]
    """An account, with the id that it has in the app."""

    key = forms.UUIDField(
        label="Id in the app",
        required=False,
        help_text="Links the account with a person of the app whose tables were adopted: what is assigned to them there"
        " is assigned to this account. Whoever uses it has to sign in again.",
        error_messages={"invalid": "An id looks like 3f2504e0-4f89-41d3-9a0c-0305e82c3301."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].initial = self.instance.pk

    def clean_key(self) -> UUID:
        key: UUID = self.cleaned_data["key"] or self.instance.pk
        check_link(self.instance, key)
        return key


class RowLimitInline(admin.TabularInline):  # type: ignore[type-arg]
    model = RowLimit
    extra = 0


class ColumnLimitForm(forms.ModelForm):  # type: ignore[type-arg]
    """Offers the columns that there are, also of an adopted table."""

    column = forms.ChoiceField(label="doesn’t see", choices=lambda: [("", "---------"), *column_choices()])


class ColumnLimitInline(admin.TabularInline):  # type: ignore[type-arg]
    model = ColumnLimit
    form = ColumnLimitForm
    extra = 0


@admin.register(User)
class LinkedUserAdmin(UserAdmin):  # type: ignore[type-arg]
    form = LinkingUserForm
    change_form_template = "admin/accounts/user/change_form.html"
    fieldsets = (*UserAdmin.fieldsets, ("The app", {"fields": ("key",)}))  # type: ignore[misc]

    def get_urls(self) -> list[Any]:
        sees = path("<uuid:key>/sees/", self.admin_site.admin_view(self.sees), name="accounts_user_sees")
        return [sees, *super().get_urls()]

    def sees(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """Which rows and columns a person sees, kind by kind, and why."""
        person = get_object_or_404(User, pk=key)
        if not self.has_view_permission(request, person):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"What {person} sees",
            "person": person,
            "told": what_is_seen_by(person),
            "opts": self.opts,
        }
        return render(request, "admin/accounts/user/sees.html", context)

    def response_change(self, request: HttpRequest, obj: User) -> HttpResponse:
        """The id changes last, when everything else is saved."""
        key = request.POST.get("key")
        if key and UUID(key) != obj.pk:
            linked = link(obj, UUID(key))
            messages.success(request, f"“{linked}” is linked with the person of the app who has this id.")
            return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[linked.pk]))
        return super().response_change(request, obj)


class GroupRuleInline(admin.StackedInline):  # type: ignore[type-arg]
    model = GroupRule
    can_delete = False


admin.site.unregister(Group)


@admin.register(Group)
class RuledGroupAdmin(GroupAdmin):
    inlines = (GroupRuleInline, RowLimitInline, ColumnLimitInline)
