"""Text as people search for it: ignoring case, accents and variants of a letter (design rule 28).

``realtime_fold()`` folds both sides in PostgreSQL; the lookup ``folded`` applies it:
``Customer.objects.filter(name__folded="lefevre")`` finds Lefèvre. It needs no extension: the embedded server has none.
"""

from typing import Any

from django.db.models import CharField, Lookup, TextField

# Letters that Unicode doesn't decompose into a base and a mark.
_LETTERS = {
    "łŁ": "l",
    "øØ": "o",
    "đĐðÐ": "d",
    "ħĦ": "h",
    "ıİ": "i",
    "ŋŊ": "n",
    "ŧŦ": "t",
    "ſ": "s",
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


def _expression() -> str:
    sources = "".join(_LETTERS)
    targets = "".join(target * len(source) for source, target in _LETTERS.items())
    bare = f"pg_catalog.regexp_replace(pg_catalog.normalize(value, 'NFKD'), '[{_MARKS}]', '', 'g')"
    for letter, spelled in _SPELLED_OUT.items():
        bare = f"pg_catalog.replace({bare}, '{letter}', '{spelled}')"
    return f"pg_catalog.normalize(pg_catalog.lower(pg_catalog.translate({bare}, '{sources}', '{targets}')), 'NFC')"


# No `set search_path`: it would keep the planner from inlining the function. Every name in it is qualified instead.
FOLD_SQL = f"""
create or replace function realtime_fold(value text) returns text
language sql immutable strict parallel safe as $$
    -- As many bytes as letters: nothing but ASCII, and most text is.
    select case when pg_catalog.octet_length(value) operator(pg_catalog.=) pg_catalog.length(value)
           then pg_catalog.lower(value)
           else {_expression()} end
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
