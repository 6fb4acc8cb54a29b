from pathlib import Path

from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    name = "realtime"
    # Set because the package has two locations: ours and supabase-py's (see realtime/__init__.py).
    path = str(Path(__file__).resolve().parent)

    def ready(self) -> None:
        from django.core.signals import request_started
        from django.db.backends.signals import connection_created
        from django.db.models.signals import post_migrate

        import realtime.database.fold
        import realtime.live.history  # noqa: F401  registers the lookup and the region
        from realtime.database.closed_tables import close_tables_to_the_api
        from realtime.database.values import load_bearably
        from realtime.database.word_upkeep import learn_new_words
        from realtime.database.words import forget_words
        from realtime.pages import drafts, writes
        from realtime.worker.retention import hourly

        hourly.append(drafts.throw_away_old)
        hourly.append(writes.throw_away_old)
        hourly.append(learn_new_words)
        request_started.connect(forget_words, dispatch_uid="realtime.forget_words")
        connection_created.connect(load_bearably, dispatch_uid="realtime.load_bearably")
        post_migrate.connect(close_tables_to_the_api, dispatch_uid="realtime.close_tables_to_the_api")
