"""Makes one script of a JavaScript module and those that it imports, for ``collectstatic``.

Each module becomes a block, so it has a scope of its own; the block puts what it exports into ``$modules``, and those
that import it take it from there. Blocks stand in the order in which ES modules run: depth first, what is imported
before what imports it. Nothing else is changed, so a stack trace names lines that can be read.

This is no parser. It understands the style in which our modules are written, and refuses anything else:

- imports stand at the head, each ``import { a, b as c } from "./x.js";``, ``import * as x from "./x.js";`` or
  ``import "./x.js";``
- exports are ``export function``, ``export async function``, ``export class`` and ``export const name = …``
- modules don't import each other in a circle, and declare nothing with ``var``: a block doesn't hold it
- of ``import.meta`` there is only ``url``, and only what is vendored is imported with ``import("./x.js")``

What is vendored has a style of its own. It stays a file, which the script imports.
"""

import re
from collections.abc import Callable
from posixpath import dirname, join, normpath, relpath

VENDORED = "vendor/"

_BINDINGS = r"\{[^{}]*\}|\*\s+as\s+[\w$]+"
_IMPORT = re.compile(rf'import\s+(?:(?P<bindings>{_BINDINGS})\s+from\s+)?"(?P<address>\.[^"\n]+)";[^\S\n]*\n')
_BESIDE_IMPORTS = re.compile(r"\s+|//[^\n]*\n|/\*.*?\*/", re.DOTALL)
# Where a statement may begin.
_BEGIN = r"(?:^|[;}]|\*/)[^\S\n]*"
_IMPORT_ELSEWHERE = re.compile(rf"{_BEGIN}(import\b(?!\s*[(.])[^\n]*)", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const)\b\*? ([\w$]+)\b)", re.MULTILINE)
_ANY_EXPORT = re.compile(rf"{_BEGIN}(export\b[^\n]*)", re.MULTILINE)
_VAR = re.compile(r"(?:^|[;{}(]|\*/)[^\S\n]*(var\s+[\w$\[{][^\n]*)", re.MULTILINE)
_DYNAMIC = re.compile(r"\bimport\s*\((?:\s*\"(?P<address>\.[^\"\n]+)\"\s*\))?")
_META = re.compile(r"\bimport\.meta\b(?P<url>\.url\b)?")
_NAME = re.compile(r"[\w$]+")
_ALIAS = re.compile(r"([\w$]+)\s+as\s+([\w$]+)")


class BundleError(Exception):
    """A module can't be put into a bundle; says which and why."""


def bundle(entry: str, read: Callable[[str], str]) -> str:
    """The script that does what the module ``entry`` does, to be served from the entry's own address.

    ``read`` gives the text of a file by its name below the static root, such as ``js/app.js``, or raises
    FileNotFoundError. Raises BundleError for what isn't in our style or isn't there.
    """
    return _Bundle(entry, read).script()


def modules_of(entry: str, read: Callable[[str], str]) -> list[str]:
    """The names of the modules in the bundle of ``entry``, in the order in which they run. Raises as ``bundle``."""
    return list(_Bundle(entry, read).blocks)


class _Bundle:
    def __init__(self, entry: str, read: Callable[[str], str]) -> None:
        self._folder = dirname(entry)
        self._read = read
        self._vendored: list[str] = []
        self._exports: dict[str, list[str]] = {}
        self.blocks: dict[str, str] = {}
        self._add(entry, ())

    def script(self) -> str:
        vendored = {name: f"$vendored{number}" for number, name in enumerate(self._vendored)}
        imports = [f'import * as {held} from "{self._address(name)}";\n' for name, held in vendored.items()]
        known = _object([f'"{name}": {held}' for name, held in vendored.items()])
        return "\n".join(["".join([*imports, f"const $modules = {known};\n"]), *self.blocks.values()])

    def _add(self, name: str, importers: tuple[str, ...]) -> None:
        """Adds a module behind all that it imports."""
        if name in importers:
            circle = " → ".join([*importers[importers.index(name) :], name])
            raise BundleError(f"{circle}: modules that import each other in a circle can't be bundled")
        if name in self.blocks:
            return
        try:
            text = self._read(name)
        except FileNotFoundError as error:
            raise BundleError(f"{importers[-1] if importers else 'a page'} loads {name}, which isn't there") from error
        if not text.endswith("\n"):
            text += "\n"
        if "$modules" in text or "$vendored" in text:
            raise BundleError(f"{name}: $modules and $vendored are names of the bundle")
        head, body = self._head(name, text, (*importers, name))
        self.blocks[name] = f"// {name}\n{{\n{head}{self._body(name, body)}}}\n"

    def _head(self, name: str, text: str, importers: tuple[str, ...]) -> tuple[str, str]:
        """What takes the place of the imports, and the rest of the text."""
        head, position = "", 0
        while match := _IMPORT.match(text, position) or _BESIDE_IMPORTS.match(text, position):
            position = match.end()
            if match.re is not _IMPORT:
                head += match[0]
                continue
            imported = normpath(join(dirname(name), match["address"]))
            if not imported.startswith(VENDORED):
                self._add(imported, importers)
            elif imported not in self._vendored:
                self._vendored.append(imported)
            if match["bindings"]:
                head += self._taken(name, imported, match["bindings"])
        return head, text[position:]

    def _taken(self, name: str, imported: str, bindings: str) -> str:
        if bindings.startswith("*"):
            return f'const {bindings.split()[-1]} = $modules["{imported}"];\n'
        names = [binding.strip() for binding in bindings[1:-1].split(",") if binding.strip()]
        for binding in names:
            if not (_NAME.fullmatch(binding) or _ALIAS.fullmatch(binding)):
                raise BundleError(f"{name}: can't bundle the import of “{binding}”")
            wanted = binding.split()[0]
            if imported in self._exports and wanted not in self._exports[imported]:
                raise BundleError(f"{name}: {imported} has no export named {wanted}")
        taken = _object([_ALIAS.sub(r"\1: \2", binding) for binding in names])
        return f'const {taken} = $modules["{imported}"];\n'

    def _body(self, name: str, text: str) -> str:
        exports = self._exports[name] = [match[1] for match in _EXPORT.finditer(text)]
        text = _EXPORT.sub("", text)
        for pattern, why in (
            (_IMPORT_ELSEWHERE, 'imports stand at the head, as import { a } from "./x.js";'),
            (_ANY_EXPORT, "exports are export function, async function, class, or const with one name"),
            (_VAR, "a block doesn't hold what var declares; use const or let"),
        ):
            if match := pattern.search(text):
                raise BundleError(f"{name}: can't bundle “{match[1]}”: {why}")
        text = _DYNAMIC.sub(lambda match: self._dynamic(name, match), text)
        text = _META.sub(lambda match: self._own_address(name, match), text)
        return f'{text}$modules["{name}"] = {_object(exports)};\n'

    def _dynamic(self, name: str, match: re.Match[str]) -> str:
        imported = normpath(join(dirname(name), match["address"] or ""))
        if not imported.startswith(VENDORED):
            raise BundleError(f'{name}: import("…") can load only what is vendored; a module would run a second time')
        return f'import("{self._address(imported)}")'

    def _own_address(self, name: str, match: re.Match[str]) -> str:
        """The module's address, not the bundle's."""
        if not match["url"]:
            raise BundleError(f"{name}: of import.meta, only import.meta.url can be bundled")
        return f'new URL("{self._address(name)}", import.meta.url).href'

    def _address(self, name: str) -> str:
        address = relpath(name, self._folder or ".")
        return address if address.startswith(".") else f"./{address}"


def _object(members: list[str]) -> str:
    return f"{{ {', '.join(members)} }}" if members else "{}"
