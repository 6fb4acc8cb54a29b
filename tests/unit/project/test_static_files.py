from pathlib import Path

from django.core.files.storage import FileSystemStorage

from project.static_files import STYLESHEET, ModuleManifestStaticFilesStorage

STATIC = Path(__file__).parents[3] / "static"


def test_all_stylesheets_become_one(tmp_path: Path) -> None:
    source = FileSystemStorage(STATIC)
    sheets = {str(path.relative_to(STATIC)) for path in (STATIC / "css").rglob("*.css")}
    storage = ModuleManifestStaticFilesStorage(location=tmp_path, base_url="/static/")
    paths = {name: (source, name) for name in sheets}
    made = {name: hashed for name, hashed, _ in storage.post_process(paths)}
    whole = (tmp_path / made[STYLESHEET]).read_text()
    assert "@import" not in whole
    for name in sheets - {STYLESHEET}:
        rules = [line for line in (STATIC / name).read_text().splitlines() if line and not line.startswith("@import")]
        assert "\n".join(rules[:1]) in whole, name
        assert rules[-1] in whole, name
