"""Texts that break what treats text carelessly, by kind. Each is either read back whole or rejected with a reason."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Fate = Literal["kept", "rejected", "either"]


class Naughty(NamedTuple):
    """`fate` in a field for any text: `either` where fields differ, as names and descriptions do."""

    text: str
    fate: Fate = "kept"


FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
FLAG = "\U0001f1f9\U0001f1ff"

NAUGHTY: Mapping[str, Naughty] = {
    "Swahili": Naughty("Ng'ombe wa Ng'ambo"),
    "Arabic": Naughty("قهوة عربية ٣٥٠ غ"),
    "Persian with a joiner's absence": Naughty("نمی\u200cخواهم"),
    "Hebrew with points": Naughty("שָׁלוֹם עֲלֵיכֶם"),
    "Hindi": Naughty("क्षत्रिय चाय"),
    "Bengali": Naughty("স্বাস্থ্য র\u200d্যাব"),
    "Tamil": Naughty("தேநீர் கொட்டகை"),
    "Thai": Naughty("กาแฟเย็น"),
    "Khmer": Naughty("កាហ្វេ"),
    "Chinese": Naughty("茶壶与杯子"),
    "Japanese": Naughty("湯呑み ガラス"),
    "Korean in parts": Naughty("\u1112\u1161\u11ab\u1100\u1173\u11af"),
    "Amharic": Naughty("ቡና ቤት"),
    "Georgian": Naughty("ჩაის ჭიქა"),
    "Turkish": Naughty("İstanbul ışığı ĞÜŞ"),
    "German": Naughty("STRAẞE Straße"),
    "Vietnamese in parts": Naughty("Ca\u0300 phe\u0302 sua\u031b\u0303a"),
    "accents in another order": Naughty("a\u0323\u0307 a\u0307\u0323"),
    "a letter beyond the first plane": Naughty("𐐀𐐨 𝒜𝒷 𠜎"),
    "ligatures and widths": Naughty("ﬁ Ｆｕｌｌ ㎏ ①"),
    "a tower of marks": Naughty("Z" + "\u0310\u0352\u034b\u0360\u0319" * 6 + "o"),
    "a family": Naughty(f"for the {FAMILY}"),
    "a flag": Naughty(f"from {FLAG}"),
    "a skin tone and a variation": Naughty("\U0001f44d\U0001f3fe ❤\ufe0f 1\ufe0f\u20e3"),
    "marks of direction": Naughty("a\u200eb\u200fc\u061cd"),
    "quotes": Naughty("\"double\" 'single' `back` “curly” «guillemets»"),
    "SQL": Naughty("Robert'); DELETE FROM product WHERE ('1'='1"),
    "SQL in dollars": Naughty("$$; SELECT pg_sleep(1); --"),
    "LIKE": Naughty("100%_off\\"),
    "HTML": Naughty("<b onmouseover=alert(1)>tea</b> &amp; &#x41;"),
    "a script": Naughty("</script><script>alert(document.domain)</script>"),
    "a template of Python": Naughty("{0.__class__} %s %(x)s {{7*7}} {% raw %}"),
    "a template of JavaScript": Naughty("${7*7} #{7*7} <%= 7*7 %>"),
    "a look-up": Naughty("${jndi:ldap://127.0.0.1/a}"),
    "a formula": Naughty('=CONCATENATE("a", B1)'),
    "another formula": Naughty("+1+1 @SUM(A1)"),
    "a shell": Naughty("$(touch x) `id` ; ls | cat > y && true"),
    "a path": Naughty("../../../../etc/hostname"),
    "a format of printf": Naughty("%n%n%x %1$s"),
    "a regular expression": Naughty("(a+)+$ [[:alpha:]]*"),
    "JSON": Naughty('{"name": null, "__proto__": {"x": 1}}'),
    "numbers that are words": Naughty("0x7f 1e309 -0 NaN Infinity 007"),
    "words that are values": Naughty("null None undefined true nil"),
    "a URL": Naughty("javascript:alert(1)//https://example.com/?a=b&c=d#e"),
    "zero-width characters": Naughty("te\u200ba\u2060p\ufeffot", "either"),
    "a soft hyphen": Naughty("tea\u00adpot", "either"),
    "private use": Naughty("\ue000\uf8ff", "either"),
    "no characters": Naughty("a\ufffe\uffffb\U0010ffff", "either"),
    "interlinear annotation": Naughty("\ufff9a\ufffab\ufffb", "either"),
    "tags": Naughty("a\U000e0041\U000e007f", "either"),
    "an override": Naughty("\u202egnp.exe", "either"),
    "isolates": Naughty("\u2066a\u2069\u2067b\u2069", "either"),
    "line separators": Naughty("a\u2028b\u2029c", "either"),
    "lines": Naughty("a\r\nb\nc\td", "either"),
    "what a terminal obeys": Naughty("\x1b[2J\x1b]0;x\x07\x9b31m", "either"),
    "a NUL": Naughty("a\x00b", "rejected"),
    "half a pair": Naughty("a\ud83d", "rejected"),
    "the other half": Naughty("\udc69b", "rejected"),
    "a pair in the wrong order": Naughty("\udc69\ud83d", "rejected"),
    "70,000 characters": Naughty("a" * 70_000, "rejected"),
}
