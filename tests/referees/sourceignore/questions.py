"""Questions for the referee: ignore rules and paths, one JSON object per line.

python questions.py | go run . > answers.jsonl
"""

from __future__ import annotations

import itertools
import json
import sys

PATHS = [
    *(
        "README.md",
        "a.jpg",
        "x.tar.gz",
        ".gitignore",
        ".sops.yaml",
        ".travis.yml",
        ".github/w.yml",
        "app/.github/w.yml",
    ),
    *("app/a.yaml", "app/a.jpg", "app/sub/a.yaml", "app/sub/.sops.yaml", "app/sub/deep/b.txt", "app/.gitattributes"),
    *(
        "deploy/app.yaml",
        "deploy/app/x.yaml",
        "deploy/web/x.yaml",
        "web/deploy/x.yaml",
        "docs/a b.md",
        "docs/#x",
        "docs/!y",
    ),
    *("a/b/c/d.yaml", "a/x/d.yaml", "abc/d.yaml", "z.yml", "Z.yml", "ü/x.yaml", "[x]/a", "trailing "),
]
RULES = [
    "",
    "\n  \n# only a comment\n",
    "*.jpg",
    "*.yaml",
    "/*",
    "/*\n!/app",
    "/*\n!/app/",
    "/*\n!/app/**",
    "!*.jpg",
    "app",
    "app/",
    "/app/",
    "app/a.yaml",
    "/a.yaml",
    "a.yaml",
    "sub/",
    "**/sub",
    "sub/**",
    "**/deep/**",
    "app/**/b.txt",
    "a/**/d.yaml",
    "a/*/d.yaml",
    "a/**",
    "*/d.yaml",
    "deploy/\n!deploy/app.yaml",
    "deploy/*\n!deploy/app/",
    "!deploy/app.yaml",
    "*.y?ml",
    "[a-c]*",
    "[!a-c]*",
    "[xz].yml",
    "\\#x",
    "\\!y",
    "#x",
    "a b.md",
    "a\\ b.md",
    "trailing ",
    "trailing\\ ",
    "*",
    "*\n!*.yaml",
    "*\n!*/",
    "**",
    "/**",
    "ü/",
    "\\[x\\]/",
    "[x]/",
    "docs/",
    "docs\r\n*.md\r\n",
    "   app",
    "app   ",
    "/deploy/app",
    "deploy/app*",
    "*.yaml\n!a.yaml\na.yaml",
    "!.sops.yaml",
    ".github/",
    "!.gitignore",
    "*a*",
    "?pp",
    "a/b",
    "b/c",
    "/b/c",
    "a//b",
    "./app",
    "app/.",
    "../app",
]

SEPARATORS = ["\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
"""What ends a line for Python and not for Go."""


def main() -> None:
    for rules in RULES:
        ask([], rules)
        ask([([], rules)], None)
        ask([(["app"], rules)], None)
    for inner, spec in itertools.product(RULES[2:40:3], ["", "!app/", "*.yaml", "/*\n!/deploy"]):
        ask([([], inner), (["app", "sub"], "!*.yaml\n*.txt")], spec)
    ask([], None)
    for char in SEPARATORS:
        paths = ["app/a.yaml", "web/a.yaml", f"app{char}web/a.yaml", f"{char}/a.yaml", f"docs/x.md{char}"]
        for rules in (f"app{char}web", f"{char}\napp", f"*.md{char}\n*.md{char}\r\n", f"#{char}app", f"app{char}"):
            ask([], rules, paths)
            ask([(["web"], rules)], rules, paths)
    ask([], "app\r\r\nweb\r\n", ["app/a.yaml", "app\r/a.yaml", "web/a.yaml"])


def ask(files: list[tuple[list[str], str]], spec: str | None, paths: list[str] = PATHS) -> None:
    found = [{"folder": folder, "text": text} for folder, text in files]
    json.dump({"ignoreFiles": found, "spec": spec, "paths": paths}, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
