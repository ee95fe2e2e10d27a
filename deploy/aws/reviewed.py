#!/usr/bin/env python3
"""Compares what checkov found, its JSON on standard input, with the reviewed findings of `checkov.yaml`.

Fails on a finding nobody has reviewed, and on a review of what is no longer found.
"""

from __future__ import annotations

import json
import sys

import template
import yaml


def reviewed() -> dict[tuple[str, str], str]:
    """Reasons by check and resource."""
    listed = yaml.safe_load((template.HERE / "checkov.yaml").read_text(encoding="utf-8"))
    return {(check, one): about["reason"] for check, about in listed.items() for one in about["resources"]}


def found(report: dict[str, object] | list[object]) -> tuple[set[tuple[str, str]], int]:
    """Failed checks by resource, and how many passed."""
    reports = report if isinstance(report, list) else [report]
    failed = {
        (one["check_id"], one["resource"].rsplit(".", 1)[-1])
        for part in reports
        for one in part["results"]["failed_checks"]
    }
    broken = sum(part["summary"]["parsing_errors"] for part in reports)
    if broken:
        raise SystemExit(f"checkov cannot read {broken} files")
    return failed, sum(part["summary"]["passed"] for part in reports)


def main() -> None:
    failed, passed = found(json.load(sys.stdin))
    known = reviewed()
    for check, resource in sorted(failed - set(known)):
        print(f"checkov: {check} on {resource}: fix it, or add it to deploy/aws/checkov.yaml with a reason")
    for check, resource in sorted(set(known) - failed):
        print(f"checkov: {check} on {resource} is not found any more: remove it from deploy/aws/checkov.yaml")
    if failed != set(known):
        raise SystemExit(1)
    print(f"checkov: {passed} passed, {len(failed)} reviewed")


if __name__ == "__main__":
    main()
