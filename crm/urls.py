from crm.pages import PAGES

app_name = "crm"

urlpatterns = [route for pages in PAGES for route in pages.urls()]
