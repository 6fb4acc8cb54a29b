from crm.importing.kinds import IMPORTABLE
from crm.importing.pages import ImportPages
from crm.pages import PAGES

app_name = "crm"

urlpatterns = [
    *(route for importable in IMPORTABLE.values() for route in ImportPages(importable).urls()),
    *(route for pages in PAGES for route in pages.urls()),
]
