from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from project.accounts.linking import check_link, link
from project.accounts.models import GroupRule, User


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


@admin.register(User)
class LinkedUserAdmin(UserAdmin):  # type: ignore[type-arg]
    form = LinkingUserForm
    fieldsets = (*UserAdmin.fieldsets, ("The app", {"fields": ("key",)}))  # type: ignore[misc]

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
    inlines = (GroupRuleInline,)
