from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, REALTIME_REPOSITORIES

INSTALLED_APPS = [*INSTALLED_APPS, "tests.eighth"]
REALTIME_REPOSITORIES = [*REALTIME_REPOSITORIES, "tests.eighth.realtime_repository.EighthRealtimeRepository"]
ROOT_URLCONF = "tests.eighth.urls"
