from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "project.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from project.accounts.groups import grant_matrix

        post_migrate.connect(grant_matrix, dispatch_uid="accounts.grant_matrix")
