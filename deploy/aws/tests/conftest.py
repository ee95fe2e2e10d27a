"""What the tests share: templates by name, and an emulator with the stacks on it, started once and ended by its pid."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

import emulator as emulators  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--artefact", help="zip of the handlers; without it nothing is invoked, only deployed")
    parser.addoption("--program", help="binary dynamowave with the cloud in it, for services and operators")


@pytest.fixture(scope="session")
def emulator() -> Iterator[emulators.Emulator]:
    with emulators.running() as running:
        yield running


@pytest.fixture(scope="session")
def stacks(emulator: emulators.Emulator, pytestconfig: pytest.Config) -> dict[str, emulators.Stack]:
    """The three stacks with their defaults, as a person deploys them."""
    return emulator.deploy_all(pytestconfig.getoption("--artefact"))
