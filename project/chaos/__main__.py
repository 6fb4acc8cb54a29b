"""`bin/chaos`: see the package."""

import logging
import shutil
import sys
import tempfile
from pathlib import Path

from project.chaos.chaos import Chaos
from project.chaos.options import read_options
from project.chaos.report import say
from realtime.local.process import ServiceError


def main() -> int:
    options = read_options()
    # The faults break the writers' connections on purpose.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    directory = Path(tempfile.mkdtemp(prefix="livedesk-chaos-"))
    # PostgreSQL runs under another account when this is root.
    directory.chmod(0o711)
    say(f"chaos: seed {options.seed}, {options.minutes:g} minutes, in {directory}")
    try:
        return 0 if Chaos(directory, options).run() else 1
    except (ServiceError, FileNotFoundError) as error:
        say(f"chaos: {error}")
        return 1
    finally:
        if options.keep:
            say(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
