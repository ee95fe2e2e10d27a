"""CloudFormation templates as data: reading them with their tags, and what is left of one for given parameters.

Knows no resource type. Invariant: a condition is decided as CloudFormation decides it; references to resources,
imports and pseudo parameters that are not given stay as they stand.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
NO_VALUE = {"Ref": "AWS::NoValue"}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Reads `!Ref` and its like as the long form."""


def _tagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if name == "Fn::GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _tagged)
# A date in a policy is its version, not a day.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))


@functools.cache
def load(name: str) -> dict[str, Any]:
    """The template of this name, `data` for `data.yaml`. Shared: whoever changes it changes a copy."""
    return yaml.load((HERE / f"{name}.yaml").read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506


class _Resolver:
    def __init__(self, template: dict[str, Any], parameters: dict[str, Any]) -> None:
        declared = template.get("Parameters", {})
        unknown = set(parameters) - set(declared) - {"AWS::Region", "AWS::AccountId", "AWS::Partition"}
        if unknown:
            raise KeyError(f"no such parameters: {sorted(unknown)}")
        defaults = {name: about["Default"] for name, about in declared.items() if "Default" in about}
        self.parameters = {**defaults, **parameters}
        self.conditions = template.get("Conditions", {})

    def holds(self, condition: Any) -> bool:
        """Whether a condition, by name or written out, is true."""
        if isinstance(condition, str):
            return self.holds(self.conditions[condition])
        ((name, value),) = condition.items()
        match name:
            case "Condition":
                return self.holds(value)
            case "Fn::Equals":
                one, other = (self.resolve(side) for side in value)
                return str(one) == str(other)
            case "Fn::Not":
                return not self.holds(value[0])
            case "Fn::And":
                return all(self.holds(part) for part in value)
            case "Fn::Or":
                return any(self.holds(part) for part in value)
        raise ValueError(f"not a condition: {name}")

    def resolve(self, value: Any) -> Any:
        """The value with its conditions decided and its parameters put in."""
        if isinstance(value, list):
            parts = (self.resolve(part) for part in value)
            return [part for part in parts if part != NO_VALUE]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Fn::If"}:
            condition, yes, no = value["Fn::If"]
            return self.resolve(yes if self.holds(condition) else no)
        if set(value) == {"Ref"} and value["Ref"] in self.parameters:
            return self.parameters[value["Ref"]]
        parts = {name: self.resolve(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part != NO_VALUE}


def resolve(template: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    """What CloudFormation would make of the template with these parameters: resources and outputs whose condition
    holds, every `If` decided, parameters put in where they are referred to on their own."""
    resolver = _Resolver(template, parameters)
    whole = dict(template)
    for section in ("Resources", "Outputs"):
        kept = {
            name: {key: value for key, value in part.items() if key != "Condition"}
            for name, part in whole.get(section, {}).items()
            if "Condition" not in part or resolver.holds(part["Condition"])
        }
        whole[section] = resolver.resolve(kept)
    if "Globals" in whole:
        whole["Globals"] = resolver.resolve(whole["Globals"])
    return whole


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Properties of the resources of a type, by logical id."""
    resources = template["Resources"].items()
    return {name: part.get("Properties", {}) for name, part in resources if part["Type"] == kind}


def statements(template: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every statement of every role's own policies, with the logical id of the role."""
    found = []
    for name, properties in of_type(template, "AWS::IAM::Role").items():
        for policy in properties.get("Policies", []):
            found.extend((name, statement) for statement in policy["PolicyDocument"]["Statement"])
    for properties in of_type(template, "AWS::IAM::RolePolicy").values():
        role = properties["RoleName"]["Ref"]
        found.extend((role, statement) for statement in properties["PolicyDocument"]["Statement"])
    return found
