from typing import Any

from django.core.management.base import BaseCommand

from realtime.database.word_upkeep import indexes_of_another_order, learn_new_words, renew_index


class Command(BaseCommand):
    help = (
        "Learns new words of status, priority and type from the database, and builds the indexes anew that lists are"
        " sorted by, where the words or their order have changed. Nobody is held up meanwhile."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        learn_new_words()
        renewed = list(indexes_of_another_order())
        for name, table, column in renewed:
            self.stdout.write(f"building {name} anew, by {column} of {table} …")
            renew_index(name, table, column)
        self.stdout.write("Words and indexes are up to date.")
