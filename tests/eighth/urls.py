from django.conf import settings
from django.urls import include, path

from project.urls import urlpatterns as portal
from realtime.pages.live_form import LiveModelForm
from realtime.pages.live_pages import LivePages
from tests.eighth.kinds import SUPPLIER
from tests.eighth.models import Supplier


class SupplierForm(LiveModelForm):
    class Meta:
        model = Supplier
        fields = ("name",)


urlpatterns = [
    path(f"{settings.URL_PREFIX[1:]}eighth/", include((LivePages(SUPPLIER, SupplierForm).urls(), "eighth"))),
    *portal,
]
