"""What the bundler makes of modules, and what it refuses. tests/browser/test_bundle.py runs what it makes."""

from collections.abc import Callable

import pytest

from project.bundle import BundleError, bundle, modules_of


def made(**files: str) -> str:
    """The bundle of js/app.js; each name is that of a module beside it."""
    return bundle("js/app.js", reader(files))


def reader(files: dict[str, str]) -> Callable[[str], str]:
    texts = {f"js/{name}.js": text for name, text in files.items()}

    def read(name: str) -> str:
        if name not in texts:
            raise FileNotFoundError(name)
        return texts[name]

    return read


def test_a_module_comes_before_those_that_import_it_and_once() -> None:
    files = {
        "app": 'import { a } from "./a.js";\nimport "./b.js";\nimport "./c.js";\n',
        "a": 'import "./c.js";\nexport function a() {}\n',
        "b": 'import "./a.js";\n',
        "c": "window.c = 1;\n",
    }
    assert modules_of("js/app.js", reader(files)) == ["js/c.js", "js/a.js", "js/b.js", "js/app.js"]
    assert made(**files).count("window.c") == 1


APP = """// The entry.
import {
  one,
  two as second,
} from "./numbers.js";
import * as all from "./numbers.js";
one(second, all);
"""
NUMBERS = """export const two = 2;
export async function one() {}
export class Three {}
export function* four() {}
"""
BUNDLE = """const $modules = {};

// js/numbers.js
{
const two = 2;
async function one() {}
class Three {}
function* four() {}
$modules["js/numbers.js"] = { two, one, Three, four };
}

// js/app.js
{
// The entry.
const { one, two: second } = $modules["js/numbers.js"];
const all = $modules["js/numbers.js"];
one(second, all);
$modules["js/app.js"] = {};
}
"""


def test_names_go_from_block_to_block() -> None:
    assert made(app=APP, numbers=NUMBERS) == BUNDLE


INNER = """import { morph } from "../../vendor/morph.js";
morph(import.meta.url);
import("../../vendor/chart.js");
"""


def test_addresses_are_seen_from_the_bundle() -> None:
    text = made(app='import "./deep/inner.js";\n', **{"deep/inner": INNER})
    assert text.startswith('import * as $vendored0 from "../vendor/morph.js";\n')
    assert 'const $modules = { "vendor/morph.js": $vendored0 };' in text
    assert 'const { morph } = $modules["vendor/morph.js"];' in text
    assert 'morph(new URL("./deep/inner.js", import.meta.url).href);\nimport("../vendor/chart.js");' in text


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("export default function a() {}", "exports are"),
        ("export let a = 1;", "exports are"),
        ("export const { a } = window;", "exports are"),
        ("const a = 1;\nexport { a };", "exports are"),
        ('export * from "./x.js";', "exports are"),
        ("{ } export const a = 1;", "exports are"),
        ('import a from "./x.js";', "imports stand at the head"),
        ("import { a } from './x.js';", "imports stand at the head"),
        ('import { a } from "./x.js"', "imports stand at the head"),
        ('import { a } from "x";', "imports stand at the head"),
        ('window.a = 1;\nimport "./x.js";', "imports stand at the head"),
        ('/* why */ window.a = 1; import "./x.js";', "imports stand at the head"),
        ("var a = 1;", "var"),
        ("for (var a of []) {}", "var"),
        ('await import("./x.js");', "a second time"),
        ("await import(window.name);", "a second time"),
        ("import.meta.resolve('x');", "import.meta.url"),
        ("window.$modules = 1;", "names of the bundle"),
        ('import { b } from "./x.js";', "js/x.js has no export named b"),
        ('import { "a b" as b } from "./x.js";', "can't bundle the import"),
        ('import "./gone.js";', "js/app.js loads js/gone.js, which isn't there"),
        ('import "./app.js";', "js/app.js → js/app.js: modules that import each other in a circle"),
        ('import "./y.js";', "js/app.js → js/y.js → js/app.js: modules that import each other in a circle"),
    ],
)
def test_what_cannot_be_bundled_is_refused_with_a_reason(body: str, why: str) -> None:
    with pytest.raises(BundleError, match=r"^js/app\.js") as refused:
        made(app=f"{body}\n", x="export const a = 1;\n", y='import "./app.js";\n')
    assert why in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        "// It may import or export it, var or not.\nwindow.a = 1;",
        'const style = "color: var(--x)";',
        "const important = 1, exported = important;",
        "window.a = 1",
        "window.a = 1; // and no end",
    ],
)
def test_what_only_looks_like_it_is_taken(body: str) -> None:
    assert body in made(app=body)
