#!/usr/bin/env python3
"""Prints who may do what on AWS, from the templates, into the book.

Usage: statements.py [--write]. Knows no reason for a statement: a test removes each and sees the denial.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import template

PAGE = Path(__file__).parents[2] / "docs/operate/aws.md"
BEGIN = "<!-- generated: statements, by `python3 deploy/aws/statements.py --write` -->\n"
END = "<!-- end of the generated part -->"


def _resource(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_resource(one) for one in value)
    if isinstance(value, str):
        return "everything" if value == "*" else value
    ((name, inner),) = value.items()
    match name:
        case "Fn::ImportValue":
            return inner["Fn::Sub"].removeprefix("${DataStack}-").removesuffix("Arn")
        case "Ref":
            return inner.removesuffix(".Alias").removesuffix("Arn")
        case "Fn::GetAtt":
            return inner[0]
        case "Fn::If":
            # What is imported has the better name.
            return _resource(inner[2] if "Fn::ImportValue" in inner[2] else inner[1])
        case "Fn::Sub":
            return _sub(inner)
    raise ValueError(f"no name for {value}")


def _sub(inner: Any) -> str:
    text, names = inner if isinstance(inner, list) else (inner, {})
    if "@connections" in text:
        return "WebSocketApi"
    for name, value in names.items():
        if name != "Id":
            return _resource(value)
    if ":kms:" in text:
        return "Key of the other region"
    for name in ("SecondRegionFilesBucket",):
        if name in text:
            return f"{name.removesuffix('Name')}"
    return text.removeprefix("${").split("}")[0].split(".")[0]


def _rows(name: str) -> list[str]:
    rows = []
    for role, statement in template.statements(template.load(name)):
        note = ""
        if "Fn::If" in statement:
            statement, note = statement["Fn::If"][1], " (second region)"
        actions = ", ".join(f"`{action}`" for action in statement["Action"])
        resource = _resource(statement["Resource"])
        rows.append(f"| {role.removesuffix('Role')} | {statement['Sid']}{note} | {actions} | {resource} |")
    return rows


def table() -> str:
    """All roles of both homes, and of the data."""
    parts = []
    for name, title in (("serverless", "Handlers"), ("containers", "Services"), ("data", "Data")):
        head = f"### {title}\n\n| who | statement | may | on |\n|---|---|---|---|\n"
        parts.append(head + "\n".join(_rows(name)) + "\n")
    return "\n".join(parts)


def with_table(text: str) -> str:
    """The page with its generated part as it would be now."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> None:
    if "--write" in sys.argv[1:]:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        sys.stdout.write(table())


if __name__ == "__main__":
    main()
