import uuid

from django.contrib.auth.models import AbstractUser, Group
from django.db import models


class User(AbstractUser):
    """A member of staff. The key is a UUID, because ``assigned_to`` and ``author_id`` of the live tables hold UUIDs."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta(AbstractUser.Meta):
        pass

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class GroupRule(models.Model):
    """What a group asks of its members when they sign in."""

    group = models.OneToOneField(Group, models.CASCADE, primary_key=True, related_name="rule")
    second_factor = models.BooleanField(
        "must have a second factor",
        default=False,
        help_text="Whoever is in this group and has none is asked to set one up after signing in, and may do nothing"
        " else before.",
    )

    class Meta:
        verbose_name = "rule for signing in"
        verbose_name_plural = "rules for signing in"

    def __str__(self) -> str:
        return f"{self.group}: {'second factor' if self.second_factor else 'password'}"
