from django.db import models

from realtime.models import LiveModel


class Supplier(LiveModel):
    name = models.CharField(max_length=200)

    class Meta:
        app_label = "eighth"
        db_table = "suppliers"
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name
