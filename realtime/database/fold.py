"""Text as people search for it: ignoring case, accents and variants of a letter (design rule 28).

``realtime_fold()`` folds both sides in PostgreSQL; the lookup ``folded`` applies it:
``Customer.objects.filter(name__folded="lefevre")`` finds Lefèvre. It needs no extension: the embedded server has none.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import CharField, Lookup, TextField

# Letters that Unicode doesn't decompose into a base and a mark.
_LATIN = {
    "łŁ": "l",
    "øØ": "o",
    "đĐðÐ": "d",
    "ħĦ": "h",
    "ıİ": "i",
    "ŋŊ": "n",
    "ŧŦ": "t",
    "ſ": "s",
}
_LETTERS = {
    "ς": "σ",
    "ё": "е",
    # Capitals that lower() leaves alone in a database whose collation is C.
    **{capital: capital.lower() for capital in "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁІЇЄҐЈЉЊЋЂЏ"},
    # Variants of a kanji that occur in names; each becomes the form that most people type.
    "髙": "高",
    "﨑嵜碕": "崎",
    "邊邉": "辺",
    "齋齊斎": "斉",
    "濵濱": "浜",
    "德": "徳",
    "廣": "広",
    "澤": "沢",
    "櫻": "桜",
    "國": "国",
    "嶋嶌": "島",
    "冨": "富",
    "栁桺": "柳",
    "眞": "真",
    "惠": "恵",
    "𠮷": "吉",
    "瀨": "瀬",
    "槇": "槙",
    "曾": "曽",
    "龍": "竜",
    "黑": "黒",
    "萬": "万",
    "榮": "栄",
    "壽": "寿",
    "圓": "円",
    "條": "条",
    "渕": "淵",
    "嶽": "岳",
    "鐵": "鉄",
    "實": "実",
    "將": "将",
    "豐": "豊",
    "靜": "静",
    "關": "関",
    "顯": "顕",
    "槗": "橋",
}
_SPELLED_OUT = {"ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "þ": "th", "Þ": "th"}
# The marks of Latin, Greek, Cyrillic, Hebrew and Arabic. Not the Japanese ones, which make a different letter.
_MARKS = r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"


def _translated(text: str, letters: Mapping[str, str]) -> str:
    sources = "".join(letters)
    targets = "".join(target * len(source) for source, target in letters.items())
    return f"pg_catalog.translate({text}, '{sources}', '{targets}')"


def _spelled_out(text: str) -> str:
    for letter, spelled in _SPELLED_OUT.items():
        text = f"pg_catalog.replace({text}, '{letter}', '{spelled}')"
    return text


def _any_of(letters: Iterable[str]) -> str:
    return f"bare operator(pg_catalog.~) '[{''.join(letters)}]'"


# An index gives only what may match: a search folds every such row again. So text without any of the letters is told
# from the others first; to look each of its characters up among all of ours would take four times as long.
FOLD_SQL = f"""
create or replace function realtime_fold(value text) returns text
language plpgsql immutable strict parallel safe as $$
declare
    bare text;
begin
    -- As many bytes as letters: nothing but ASCII, and most text is.
    if pg_catalog.octet_length(value) operator(pg_catalog.=) pg_catalog.length(value) then
        return pg_catalog.lower(value);
    end if;
    bare := pg_catalog.lower(
        pg_catalog.regexp_replace(pg_catalog.normalize(value, 'NFKD'), '[{_MARKS}]', '', 'g'));
    if {_any_of([*_LATIN, *_SPELLED_OUT])} then
        bare := {_translated(_spelled_out("bare"), _LATIN)};
    end if;
    if {_any_of(_LETTERS)} then
        bare := pg_catalog.lower({_translated("bare", _LETTERS)});
    end if;
    return pg_catalog.normalize(bare, 'NFC');
end
$$;
"""

DROP_FOLD_SQL = "drop function realtime_fold(text);"


@CharField.register_lookup
@TextField.register_lookup
class Folded(Lookup):
    """Whether the text contains the word, both folded. Uses LIKE, so that a trigram index can serve it."""

    lookup_name = "folded"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        column, column_parameters = self.process_lhs(compiler, connection)
        word, word_parameters = self.process_rhs(compiler, connection)
        pattern = f"realtime_fold({word})"
        for character in ("\\", "%", "_"):
            # Doubled because psycopg takes a single % for a parameter.
            literal = character.replace("%", "%%")
            pattern = f"replace({pattern}, '{literal}', '\\{literal}')"
        return f"realtime_fold({column}) like '%%' || {pattern} || '%%'", (*column_parameters, *word_parameters)
