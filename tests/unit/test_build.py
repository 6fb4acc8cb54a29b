from pathlib import Path

import pytest
from pytest_django import Settings

from realtime import build


def test_a_deploy_is_named_by_whatever_pages_are_made_from(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class App:
        path = str(tmp_path / "crm")

    for name in ("crm/views.py", "templates/list.html"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("one")
    settings.BASE_DIR = tmp_path
    monkeypatch.setattr(build.apps, "get_app_configs", lambda: [App()])
    names = {build._hash_of_sources()}
    for name in ("crm/views.py", "templates/list.html"):
        (tmp_path / name).write_text("two")
        names.add(build._hash_of_sources())
    assert len(names) == 3
    assert build._hash_of_sources() in names


def test_the_operators_name_comes_first(settings: Settings) -> None:
    settings.REALTIME_BUILD = "v7"
    assert build.build_id.__wrapped__() == "v7"
