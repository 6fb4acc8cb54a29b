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


class Preferences(models.Model):
    """How the portal looks to one person, on whatever machine. Empty means: as the browser has it."""

    class Theme(models.TextChoices):
        SYSTEM = "system", "As the system has it"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    class Density(models.TextChoices):
        ROOMY = "roomy", "Roomy"
        COMPACT = "compact", "Compact: more rows on the screen"

    class Shortcuts(models.TextChoices):
        ON = "on", "On"
        OFF = "off", "Off"

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="preferences")
    time_zone = models.CharField(max_length=64, blank=True)
    locale = models.CharField("language of dates", max_length=16, blank=True)
    theme = models.CharField(max_length=8, choices=Theme, default=Theme.SYSTEM)
    density = models.CharField(max_length=8, choices=Density, default=Density.ROOMY)
    shortcuts = models.CharField("single-key shortcuts", max_length=3, choices=Shortcuts, default=Shortcuts.ON)

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return f"Preferences of {self.user}"
