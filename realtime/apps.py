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
        import realtime.live.bulks
        import realtime.live.history  # noqa: F401  registers the lookup and the regions
        from realtime.database.closed_tables import close_tables_to_the_api
        from realtime.database.tables import live_tables, register_personal
        from realtime.database.values import load_bearably
        from realtime.database.word_upkeep import learn_new_words
        from realtime.database.words import forget_words
        from realtime.pages import bulk_running, drafts, writes
        from realtime.webhooks import outbox
        from realtime.worker import unusable
        from realtime.worker.jobs import register_job
        from realtime.worker.log_readers import LogReader, register_reader
        from realtime.worker.retention import hourly

        hourly.extend(kept.throw_away_old for kept in (drafts, writes, bulk_running, outbox, unusable))
        hourly.append(learn_new_words)
        register_personal("realtime_bulk")
        register_job(bulk_running.step)
        register_reader(LogReader(outbox.NAME, frozenset(live_tables()), outbox.fill, outbox.wanted_tables))
        request_started.connect(forget_words, dispatch_uid="realtime.forget_words")
        connection_created.connect(load_bearably, dispatch_uid="realtime.load_bearably")
        post_migrate.connect(close_tables_to_the_api, dispatch_uid="realtime.close_tables_to_the_api")
