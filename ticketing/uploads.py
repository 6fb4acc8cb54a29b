"""What may be uploaded: size and type. A refusal says in a sentence what is allowed."""

from io import BytesIO
from typing import Any, TypeAlias

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.template.defaultfilters import filesizeformat

from ticketing.file_names import extension_of, safe_name

FILES_A_FORM = 10

Upload: TypeAlias = "UploadedFile[Any]"


class SizeLimitUploadHandler(FileUploadHandler):
    """Keeps no more of a file than is allowed: bytes beyond the limit are counted and dropped.

    Such a file reaches its form with its true size and no content. So the form can say how large it is, and its other
    fields aren't lost.
    """

    received = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self.received += len(raw_data)
        return raw_data if self.received <= settings.ATTACHMENT_MAX_BYTES else None

    def file_complete(self, file_size: int) -> "Upload | None":
        if self.received <= settings.ATTACHMENT_MAX_BYTES:
            return None
        return UploadedFile(BytesIO(), self.file_name, self.content_type, self.received, self.charset)


class FilesInput(forms.FileInput):
    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Upload]:
        return files.getlist(name) if hasattr(files, "getlist") else files.get(name) or []


class FilesField(forms.FileField):
    """Up to ``FILES_A_FORM`` files, each of a size and type that may be kept."""

    def __init__(self, **kwargs: Any) -> None:
        accept = ",".join(f".{extension}" for extension in settings.ATTACHMENT_TYPES)
        largest = str(settings.ATTACHMENT_MAX_BYTES)
        super().__init__(widget=FilesInput(attrs={"accept": accept, "data-max-bytes": largest}), **kwargs)
        self.help_text = f"Up to {size_in_words(settings.ATTACHMENT_MAX_BYTES)} each."

    def clean(self, data: list[Upload], initial: Any = None) -> list[Upload]:
        if not data and self.required:
            raise ValidationError("Choose a file first.", code="required")
        if len(data) > FILES_A_FORM:
            told = f"{len(data)} files are too many; at most {FILES_A_FORM} can be sent at once."
            raise ValidationError(told, code="many")
        refusals = [refusal for file in data if (refusal := why_refused(file))]
        if refusals:
            raise ValidationError(refusals)
        return data


def why_refused(file: Upload) -> str:
    """A sentence that says why this file can't be kept, or an empty string."""
    name, size = safe_name(file.name or ""), file.size or 0
    extension = extension_of(name)
    if extension not in settings.ATTACHMENT_TYPES:
        told = f"files of type .{extension} are not accepted" if extension else "its name doesn’t tell its type"
        return f"“{name}” can’t be attached: {told}. Accepted are {', '.join(settings.ATTACHMENT_TYPES)}."
    if size > settings.ATTACHMENT_MAX_BYTES:
        limit = size_in_words(settings.ATTACHMENT_MAX_BYTES)
        return f"“{name}” is too large: it has {size_in_words(size)}, and {limit} is the most a file may have."
    if not size:
        return f"“{name}” is empty."
    return ""


def size_in_words(size: int) -> str:
    """Django's words, without a decimal place that says nothing."""
    return filesizeformat(size).replace(".0\N{NO-BREAK SPACE}", "\N{NO-BREAK SPACE}")
