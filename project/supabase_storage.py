"""Supabase Storage through its S3 endpoint: django-storages' options from the environment."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from project.environment import Environment

OPTIONS = {
    "SUPABASE_S3_ENDPOINT": "endpoint_url",
    "SUPABASE_S3_REGION": "region_name",
    "SUPABASE_S3_ACCESS_KEY": "access_key",
    "SUPABASE_S3_SECRET_KEY": "secret_key",
    "SUPABASE_S3_BUCKET": "bucket_name",
}
# A file that is read back stays in memory up to this size; a larger one goes to the disk.
IN_MEMORY = 2_500_000


def supabase_storage_options(env: Environment) -> dict[str, Any]:
    """Empty when none of the variables is set. Raises ImproperlyConfigured when only some are."""
    told = {name: env.text(name, "") for name in OPTIONS}
    missing = [name for name, value in told.items() if not value]
    if len(missing) == len(told):
        return {}
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ImproperlyConfigured(
            f"{', '.join(missing)} {verb} not set: Supabase Storage takes all of {', '.join(told)}, or none of them."
        )
    env.url("SUPABASE_S3_ENDPOINT", ("http", "https"))
    # Imported only here: installations that keep files on their disk don't need it.
    from botocore.config import Config  # type: ignore[import-untyped]

    return {OPTIONS[name]: value for name, value in told.items()} | {
        # Nothing gets overwritten: names are random, and asking first would cost a request for each upload.
        "file_overwrite": True,
        "default_acl": None,
        "max_memory_size": IN_MEMORY,
        "client_config": Config(
            signature_version="s3v4",
            # Supabase has the bucket in the path, and doesn't know the checksums that newer clients send unasked.
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=5,
            read_timeout=60,
            retries={"max_attempts": 2},
        ),
    }
