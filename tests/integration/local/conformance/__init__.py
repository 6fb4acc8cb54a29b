"""The local Realtime server against what a real one said (tests/records) and against unmodified clients."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.harness", f"{__name__}.records", f"{__name__}.replay")
