from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class ModuleManifestStaticFilesStorage(ManifestStaticFilesStorage):
    """Hashes the names that JavaScript modules import, too, so that a deploy never mixes two versions."""

    support_js_module_import_aggregation = True

    # Without the rule for source maps: of what is vendored, they are left out.
    patterns = tuple(pattern for pattern in ManifestStaticFilesStorage.patterns if pattern[0] != "*.js")
