"""Questions for the referee: hand-made ones and random ones over the grammar, one JSON object per line.

python questions.py [HOW_MANY [SEED]] | go run . > answers.jsonl
"""

from __future__ import annotations

import json
import random
import sys

VARIABLES = {
    "v": "hello world",
    "w": "app",
    "path": "/usr/local/bin/tool.tar.gz",
    "empty": "",
    "n": "3",
    "neg": "-4",
    "u": "äpfel Straße",
    "star": "a*c",
    "_x1": "A-B-C",
}

BY_HAND = """
${v}
$${v}
$$$${v}
$$
$
a$b
$v
${#v}
${#u}
${#missing}
${#}
${v^}|${v^^}|${v,}|${v,,}|${u^}|${u^^}|${missing^^}
${v,^}
${v^^^}
${v:0}|${v:3}|${v:-3}|${v: -3}|${v:3:2}|${v:100}|${v:100:1}|${v:0:100}|${v:x}|${v:1:x}|${v:+3}|${v:neg}
${v:${n}}|${v:${n}:2}|${v:1:${n}}|${v:1::2}
${v:}
${v:
${v:1
${v:1:}
${v:2:-1}
${path##*/}|${path#*/}|${path%.*}|${path%%.*}|${path%/*}|${path%%/*}
${v#hel}|${v#h?l}|${v##*o}|${v#*o}|${v%o*}|${v%%o*}|${v#[a-z]}|${v#[^a]}|${v%[a-z]}|${v#[a}|${v#\\h}
${v#}
${star#a\\*}|${star#a*}|${star%\\*c}
${v###}
${empty=d}|${empty:=d}|${empty:-d}|${empty:+d}|${empty:?d}
${missing=d}|${missing:=d}|${missing:-d}|${missing:+d}|${missing:?d}
${v=d}|${v:=d}|${v:-d}|${v:+d}|${v:?d}
${missing:-}
${missing:=}|${missing=}
${missing-d}
${v-d}
${missing:-${w}}|${missing:-a-${w}-b}|${missing:-${other:-${w}}}|${missing:=${other}}
${missing:-$}|${missing:-$x}|${missing:-$$x}
${missing:-a:b/c#d%e,f^g=h}
${missing:-"a b"}|${missing:-'x'}
${v/o/0}|${v//o/0}|${v/#he/HE}|${v/%ld/LD}|${v/o/}|${v//o/}|${v/#he/}|${v/%ld/}
${path/\\//_}|${path//\\//_}|${v/o/a\\/b}|${v/o/\\\\}|${v/$$/x}|${v/o/$$}
${v/${w}/x}|${v/o/${w}}|${empty//${empty}/x}|${v//${empty}/-}|${v/${empty}/-}
${v/o}
${v/o} and a / later }
${v//}
${v///x}
${v/o//x}
${arr[@]}
${arr[0]}
${!v}
${v!}
${1}
${}
${
${v
text ${v} and ${w}, $$ and $${w}: ${path}
a: ${n}
b: "${n}"
${ä}
${v } ${ v}
${v:é}
${u:0:1}
if [ "$x" = 1 ]; then echo $(date); fi
`${v}` \\${v} {${v}} }${v}{
""".strip().split("\n")

NAMES = ["v", "w", "path", "empty", "n", "neg", "star", "_x1", "missing", "v1"]
OPERATORS = [
    "",
    "",
    "#",
    "##",
    "%",
    "%%",
    "^",
    "^^",
    ",",
    ",,",
    ":",
    "/",
    "//",
    "/#",
    "/%",
    "=",
    ":=",
    ":-",
    ":?",
    ":+",
    "-",
]
WORDS = [
    "o",
    "he",
    "l*",
    "*",
    "?",
    "[a-m]",
    "*.gz",
    "*/",
    "/usr",
    "3",
    "-2",
    "2:3",
    ":",
    "x",
    "$",
    "$$",
    "\\/",
    "\\",
    "{",
    " ",
    "a*c",
]


def expression(chance: random.Random, depth: int) -> str:
    name = chance.choice(NAMES)
    if chance.random() < 0.05:
        return "${#" + name + "}"
    operator = chance.choice(OPERATORS)
    body = "".join(word(chance, depth) for _ in range(chance.randint(0, 2)))
    if operator.startswith("/") and chance.random() < 0.9:
        body += "/" + "".join(word(chance, depth) for _ in range(chance.randint(0, 2)))
    return "${" + name + operator + (body if operator and operator[0] not in "^," else "") + "}"


def word(chance: random.Random, depth: int) -> str:
    if depth and chance.random() < 0.25:
        return expression(chance, depth - 1)
    return chance.choice(WORDS)


def text(chance: random.Random) -> str:
    parts = [expression(chance, 2) if chance.random() < 0.7 else word(chance, 1) for _ in range(chance.randint(1, 2))]
    return "".join(parts)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    chance = random.Random(sys.argv[2] if len(sys.argv) > 2 else "envsubst")
    print(json.dumps({"variables": VARIABLES}, ensure_ascii=False))
    for question in [*BY_HAND, *(text(chance) for _ in range(count))]:
        print(json.dumps({"text": question}, ensure_ascii=False))


if __name__ == "__main__":
    main()
