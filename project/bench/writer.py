"""A writer in its own process: ``python -m project.bench.writer URL SECONDS RATE``.

It prints a line for each commit: the row's key and the system's monotonic clock just before it sent COMMIT. RATE 0
means as fast as possible.
"""

import argparse
import sys
import time
from uuid import uuid4

import psycopg


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("seconds", type=float)
    parser.add_argument("rate", type=float)
    options = parser.parse_args()
    lines = []
    with psycopg.connect(options.url) as connection:
        started = time.monotonic()
        number = 0
        while time.monotonic() - started < options.seconds:
            if options.rate:
                time.sleep(max(0.0, started + number / options.rate - time.monotonic()))
            key = str(uuid4())
            connection.execute("insert into products (id, name, price) values (%s, %s, 1)", [key, f"bench {number}"])
            committing = time.monotonic()
            connection.commit()
            lines.append(f"{key} {committing}\n")
            number += 1
    sys.stdout.writelines(lines)


if __name__ == "__main__":
    main()
