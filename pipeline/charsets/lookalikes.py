"""Characters that look alike or show nothing: neither a model nor a person who labels can distinguish them."""

import unicodedata

# Characters of different scripts that most fonts draw alike, by confusables.txt of Unicode (UTS #39). Pairs of
# one script, such as l and I, are not errors of a charset and are left out.
_CONFUSABLES = (
    *("AΑА", "BΒВ", "CСϹ", "EΕЕ", "HΗН", "IΙІӀ", "JЈ", "KΚК", "MΜМ", "NΝ", "OΟО", "PΡР", "SЅ", "TΤТ", "XΧХ"),
    *("YΥҮ", "ZΖ", "aа", "cсϲ", "eе", "hһ", "iі", "jјϳ", "oοо", "pрρ", "sѕ", "vν", "xх", "yу"),
    *("一ー", "二ニ", "八ハ", "力カ", "口ロ", "工エ", "夕タ", "卜ト"),
    *("-‐‑‒–−", "·‧∙⋅・"),
)
_FIRST_OF = {character: group[0] for group in _CONFUSABLES for character in group}

# Kinds of compatibility decompositions that change the look little: unlike circles, fractions and so on.
_ALIKE = ("<wide>", "<narrow>", "<small>", "<compat>")


def find_lookalikes(characters: str) -> list[str]:
    """Returns the characters that look alike, a string for each group, in the order of `characters`."""
    groups: dict[str, str] = {}
    for character in characters:
        form = _simplify(character)
        groups[form] = groups.get(form, "") + character
    return [group for group in groups.values() if len(group) > 1]


def find_decomposed(characters: str) -> str:
    """Returns combining marks, and characters whose NFC form is another one."""
    return "".join(c for c in characters if unicodedata.combining(c) or unicodedata.normalize("NFC", c) != c)


def find_invisible(characters: str) -> str:
    """Returns controls, characters of no meaning (private use, unassigned), and spaces other than U+0020."""
    return "".join(c for c in characters if c != " " and unicodedata.category(c)[0] in "CZ")


def _simplify(character: str) -> str:
    kind = unicodedata.decomposition(character).partition(" ")[0]
    if kind in _ALIKE or (kind and kind[0] != "<"):
        character = unicodedata.normalize("NFKC", character)
    return _FIRST_OF.get(character, character)
