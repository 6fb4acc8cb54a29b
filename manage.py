#!/usr/bin/env python
"""Django's command line, with Livedesk's settings."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        # A clone that was only just made; which of its two ways out fits, its owner knows.
        sys.exit(
            f"The package '{error.name}' isn't installed for {sys.executable}: use .venv/bin/python, which bin/demo "
            "and bin/test make, or run pip install -r requirements.txt."
        )

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # An operator needs the sentence, not forty lines of import machinery.
        sys.exit(f"Configuration error: {error}")


if __name__ == "__main__":
    main()
