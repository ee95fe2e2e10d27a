"""Journeys through the deployed handlers, by the role whose handler they pass: each raises when it does not end as it should.

A journey uses what a client has (the WebSocket, HTTP) or what starts the handler (a queue, a stream, a schedule), and
looks at what a client or an operator can see. Together those of a role need every statement of it.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator import Emulator, Stack

Flow = Callable[[Emulator, dict[str, Stack]], None]

# By role of `serverless.yaml`. `test_flows.py` fails for a role without one.
FLOWS: dict[str, tuple[Flow, ...]] = {}
