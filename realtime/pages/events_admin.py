"""In the admin: webhooks with their deliveries, and what the worker couldn't read.

All of these hold whole rows of any table. So they take a right that no group has by itself, and nobody with a limit on
the rows that they see gets in.
"""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from realtime.database.tables import live_tables
from realtime.models import UnusableEvent, Webhook, WebhookDelivery
from realtime.pages.newest import NewestPaginator
from realtime.sight import current_sight
from realtime.webhooks.addresses import AddressRefused, checked
from realtime.webhooks.outbox import add_test, deliver_again
from realtime.webhooks.payload import Operation
from realtime.webhooks.signing import message_name, new_secret

WEBHOOKS_AT_MOST = 20
# A webhook with more waiting than this shows only that.
COUNTED = 1_000
DELIVERIES = "admin:realtime_webhookdelivery_changelist"


class EveryRow(admin.ModelAdmin):  # type: ignore[type-arg]
    """For those alone who may see every row."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return current_sight() is None and super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return current_sight() is None and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return current_sight() is None and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return current_sight() is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return current_sight() is None and super().has_delete_permission(request, obj)


class Several(forms.MultipleChoiceField):
    widget = forms.CheckboxSelectMultiple


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    address = forms.CharField(
        widget=forms.TextInput(attrs={"class": "vTextField", "inputmode": "url"}),
        max_length=2000,
        help_text="Like https://example.com/hooks. Addresses inside a private network are refused.",
    )
    tables = Several(help_text="Of which kinds of records it is told.")
    operations = Several(
        choices=[(operation.value, operation.value) for operation in Operation],
        initial=[operation.value for operation in Operation],
        help_text="“truncate”: all rows of a table are gone at once.",
    )

    class Meta:
        fields = ("name", "address", "is_on", "tables", "operations")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tables"].choices = [(table, table) for table in live_tables()]  # type: ignore[attr-defined]

    def clean_address(self) -> str:
        address: str = self.cleaned_data["address"].strip()
        try:
            checked(address)
        except AddressRefused as refusal:
            raise ValidationError(str(refusal)) from None
        return address

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.instance._state.adding and Webhook.objects.count() >= WEBHOOKS_AT_MOST:
            raise ValidationError(f"There are {WEBHOOKS_AT_MOST} webhooks, and there can be no more. Delete one first.")
        return cleaned


@admin.register(Webhook)
class WebhookAdmin(EveryRow):
    form = WebhookForm
    list_display = ("name", "address", "state", "waiting", "last_delivered")
    readonly_fields = ("state", "deliveries")
    change_form_template = "admin/realtime/webhook/change_form.html"

    def get_fields(self, request: HttpRequest, obj: Webhook | None = None) -> tuple[str, ...]:
        # A new one has no deliveries yet.
        return (*WebhookForm.Meta.fields, *(self.readonly_fields if obj else ()))

    def save_model(self, request: HttpRequest, obj: Webhook, form: Any, change: bool) -> None:
        if obj.is_on and "is_on" in form.changed_data:
            obj.off_because, obj.since = "", Now()
        if not change or "_secret" in request.POST:
            # Kept until the answer to this request is made, and nowhere else.
            request.webhook_secret = new_secret(obj)  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Webhook, post_url_continue: str | None = None) -> HttpResponse:
        return self._secret_page(request, obj, is_new=True)

    def response_change(self, request: HttpRequest, obj: Webhook) -> HttpResponse:
        if "_secret" in request.POST:
            return self._secret_page(request, obj, is_new=False)
        if "_test" in request.POST:
            add_test(obj)
            told = "A test is on its way: {} say what comes of it." if obj.is_on else "It is off: a test waits in {}."
            messages.info(request, format_html(told, _link_to_deliveries(obj)))
            return HttpResponseRedirect(request.path)
        return super().response_change(request, obj)

    def _secret_page(self, request: HttpRequest, obj: Webhook, is_new: bool) -> HttpResponse:
        """The answer itself shows the secret, so that no message or session has to keep it."""
        context = self.admin_site.each_context(request) | {
            "title": f"The secret of “{obj}”",
            "secret": request.webhook_secret,  # type: ignore[attr-defined]
            "webhook": obj,
            "is_new": is_new,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/realtime/webhook/secret.html", context)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its deliveries go along, however many; nobody deletes those by themselves."""
        names = [str(webhook) for webhook in objs]
        return names, {"webhooks": len(names)}, set(), []

    @admin.display(description="state")
    def state(self, webhook: Webhook) -> str:
        if webhook.is_on:
            return "on"
        return f"off: {webhook.off_because}" if webhook.off_because else "off"

    @admin.display(description="waiting")
    def waiting(self, webhook: Webhook) -> str:
        found = webhook.deliveries.filter(state=WebhookDelivery.State.WAITING).order_by()[: COUNTED + 1].count()
        return f"more than {COUNTED:,}" if found > COUNTED else f"{found:,}"

    @admin.display(description="last delivered")
    def last_delivered(self, webhook: Webhook) -> Any:
        newest = webhook.deliveries.filter(state=WebhookDelivery.State.DELIVERED).order_by("-id")
        return newest.values_list("finished_at", flat=True).first()

    @admin.display(description="deliveries")
    def deliveries(self, webhook: Webhook) -> SafeString:
        return _link_to_deliveries(webhook)


def _link_to_deliveries(webhook: Webhook) -> SafeString:
    return format_html('<a href="{}?webhook__id__exact={}">its deliveries</a>', reverse(DELIVERIES), webhook.pk)


class ReadOnly(EveryRow):
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = NewestPaginator
    list_per_page = 50
    list_max_show_all = 50
    sortable_by = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly):
    """What was sent, what came of it, and when it is tried next."""

    list_display = ("created_at", "webhook", "event", "row_key", "state", "attempts", "answer", "problem", "next_at")
    list_filter = ("state", "webhook")
    list_select_related = ("webhook",)
    search_fields = ("=row_key",)
    search_help_text = "A row's key."
    actions = ("again",)
    fields = (
        "webhook",
        "event",
        "row_key",
        "state",
        "attempts",
        "answer",
        "problem",
        "next_at",
        "created_at",
        "finished_at",
        "name_for_the_receiver",
        "what_is_sent",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        found: QuerySet[WebhookDelivery] = super().get_queryset(request)
        # A list shows none of the rows.
        return found if request.resolver_match and "object_id" in request.resolver_match.kwargs else found.defer("body")

    def has_change_webhook_permission(self, request: HttpRequest) -> bool:
        """Sending once more takes the right to change webhooks."""
        return current_sight() is None and request.user.has_perm("realtime.change_webhook")

    @admin.action(description="Deliver again", permissions=["change_webhook"])
    def again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        count = deliver_again(queryset)
        messages.success(request, f"On the way again: {count:,}. Those of a webhook that is off wait.")

    @admin.display(description="event")
    def event(self, delivery: WebhookDelivery) -> str:
        return f"{delivery.table_name or 'webhook'}.{delivery.operation}"

    @admin.display(description="webhook-id")
    def name_for_the_receiver(self, delivery: WebhookDelivery) -> str:
        return message_name(delivery.message)

    @admin.display(description="what is sent")
    def what_is_sent(self, delivery: WebhookDelivery) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(json.loads(delivery.body), indent=2, ensure_ascii=False))


@admin.register(UnusableEvent)
class UnusableEventAdmin(ReadOnly):
    """Only the reason is listed; the page of one shows what came."""

    list_display = ("at", "source", "table_name", "reason")
    list_filter = ("source",)
    fields = ("at", "source", "table_name", "reason", "what_came")
    readonly_fields = fields

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        title = {"title": "What the worker could not read: the newest 1,000 of the last 30 days"}
        return super().changelist_view(request, title | (extra_context or {}))

    @admin.display(description="what came")
    def what_came(self, event: UnusableEvent) -> SafeString:
        return format_html("<pre>{}</pre>", event.content)
