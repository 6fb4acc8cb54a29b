import shutil
from collections.abc import Callable

import pytest

from tests.conftest import unavailable


@pytest.fixture(scope="session")
def need() -> Callable[[str, str], str]:
    """The path of a program, or a sentence that names the package that brings it."""

    def find(program: str, package: str) -> str:
        # Debian puts some where only root looks.
        found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
        return found or unavailable(f"{program} is not installed; Debian's package is {package}.")

    return find
