from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class ModuleManifestStaticFilesStorage(ManifestStaticFilesStorage):
    """Hashed names also for what JavaScript modules import, so that a deploy never mixes two versions."""

    support_js_module_import_aggregation = True
