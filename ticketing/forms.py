from typing import Any
from uuid import UUID

from django import forms
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from crm.chooser import ChooserField
from crm.forms import CustomerField
from realtime.pages.live_form import LiveModelForm
from ticketing import people
from ticketing.kinds import TICKET
from ticketing.merges import still_merged
from ticketing.models import Comment, Ticket, TicketLink
from ticketing.uploads import FilesField
from ticketing.words import in_words

COMMENT_LIMIT = 50_000
# What one ticket is to another, in "This ticket is …".
LINKED_AS = {TicketLink.Kind.RELATED: "related to", TicketLink.Kind.DUPLICATE: "a duplicate of"}


class PersonWidget(forms.Select):
    """With JavaScript one combobox, which searches the names that are here already."""

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        context = {"select": super().render(*args, **kwargs), "nobody": people.NOBODY_NAME}
        return render_to_string("ticketing/forms/_person.html", context)


class PersonField(forms.TypedChoiceField):
    """One of the staff or nobody; its choices are ``people.choices``."""

    def __init__(self) -> None:
        super().__init__(coerce=UUID, empty_value=None, required=False, widget=PersonWidget)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return str(initial or "") != str(data or "")


class KeepsMergedClosed(forms.BaseModelForm):  # type: ignore[type-arg]
    """A merged ticket is opened by undoing the merge."""

    def clean_status(self) -> str:
        status: str = self.cleaned_data["status"]
        if sentence := still_merged(self.instance, status):
            raise forms.ValidationError(sentence[0].upper() + sentence[1:])
        return status


class TicketForm(KeepsMergedClosed, LiveModelForm):
    customer = CustomerField(required=False)
    assigned_to = PersonField()

    class Meta:
        model = Ticket
        fields = ("title", "description", "customer", "status", "priority", "assigned_to")
        widgets = {
            "title": forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
            "description": forms.Textarea(attrs={"rows": 6, "dir": "auto"}),
        }

    def __init__(self, *args: Any, me: UUID | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = people.choices(self.instance.assigned_to, me)
        self.fields["assigned_to"].choices = offered  # type: ignore[attr-defined]

    def in_words(self, name: str, value: Any) -> Any:
        return in_words(name, value)


class CommentForm(LiveModelForm):
    class Meta:
        model = Comment
        fields = ("content",)
        widgets = {"content": forms.Textarea(attrs={"rows": 4, "dir": "auto", "maxlength": COMMENT_LIMIT})}
        labels = {"content": "Comment"}

    def __init__(self, *args: Any, ticket: UUID | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if about := ticket or self.instance.ticket_id:
            # Where static/js/ticketing/mentions.js finds who can be mentioned.
            self.fields["content"].widget.attrs["data-mentions"] = reverse("ticketing:people", args=[about])

    def clean_content(self) -> str:
        content: str = self.cleaned_data["content"]
        if len(content) > COMMENT_LIMIT:
            told = f"A comment may have {COMMENT_LIMIT:,} characters; this one has {len(content):,}."
            raise forms.ValidationError(told)
        return content


class NewCommentForm(CommentForm):
    """A comment with files. It is saved by ``actions.add_comment``, which knows the ticket and the author.

    There is no room to ask what else the app needs: ``add_comment`` says so.
    """

    asks_for_the_app = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Without a placeholder, style sheets can't tell that a box is empty.
        self.fields["content"].widget.attrs |= {"placeholder": "Write a comment …", "rows": 2, "data-key": "c"}
        # Made with each form: its words depend on the settings.
        self.fields["files"] = FilesField(label="Files", required=False)


class UploadForm(forms.Form):
    # Two forms share a page, so the ids of their fields must differ.
    prefix = "upload"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["files"] = FilesField(label="Files")


class MergeForm(forms.Form):
    """Which ticket another one is merged into."""

    into = ChooserField(TICKET, label="Merge into")


class LinkForm(forms.Form):
    prefix = "link"
    # Two forms share a page, so the ids of their fields must differ.
    kind = forms.ChoiceField(choices=LINKED_AS.items(), label="This ticket is", initial=TicketLink.Kind.RELATED)
    other = ChooserField(TICKET, label="Ticket")
