from tests.settings import *  # noqa: F403
from tests.settings import CHANNEL_LAYERS, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.weak_layer"]
CHANNEL_LAYERS = {"default": CHANNEL_LAYERS["default"] | {"BACKEND": "tests.weak_layer.layer.WeakLayer"}}
