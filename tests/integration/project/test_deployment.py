"""With the settings that docs/SECURITY.md tells, Django's own checks of a deployment have nothing to say."""

import re

from realtime.local.process import REPOSITORY
from tests.integration.databases import manage

TOLD = re.compile(r"`((?:DJANGO_\w+|TRUSTED_PROXIES)=\w+)`")


def test_checks_of_a_deployment_have_nothing_to_say(postgres_url: str) -> None:
    text = (REPOSITORY / "docs/SECURITY.md").read_text()
    told = dict(setting.split("=") for setting in TOLD.findall(text.partition("## Over https")[2]))
    assert {"DJANGO_SECURE_COOKIES", "DJANGO_HTTPS_REDIRECT", "DJANGO_HSTS_SECONDS"} <= told.keys()
    own = {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "DJANGO_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-0123456789-ABCDEFGHIJ",
    }
    done = manage(postgres_url, "check", "--deploy", "--fail-level", "WARNING", **told, **own)
    assert done.returncode == 0, done.stderr
