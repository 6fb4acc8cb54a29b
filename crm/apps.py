from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = "CRM"

    def ready(self) -> None:
        import crm.live
        import crm.search  # noqa: F401  registers what the search through everything finds
        from crm.models import FileImport
        from realtime.worker.retention import hourly

        hourly.append(FileImport.throw_away_old)
