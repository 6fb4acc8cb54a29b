from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "project"

    def ready(self) -> None:
        from django.contrib import admin

        admin.site.site_header = "Livedesk administration"
        admin.site.site_title = "Livedesk"
