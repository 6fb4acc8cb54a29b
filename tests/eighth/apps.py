from django.apps import AppConfig


class EighthConfig(AppConfig):
    name = "tests.eighth"
    label = "eighth"

    def ready(self) -> None:
        from tests.eighth import live  # noqa: F401
