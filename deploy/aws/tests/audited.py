"""The emulator, writing down which statement of a role allowed what, or that none did: a line of JSON for each request.

Changes no decision. `AUDIT_FILE` names the file.
"""

from __future__ import annotations

import functools
import json
import os
from typing import Any

from ministack.core import iam_evaluator

decide = iam_evaluator.evaluate
audit = open(os.environ["AUDIT_FILE"], "a", buffering=1, encoding="utf-8")  # noqa: SIM115


@functools.wraps(decide)
def noting(context: Any, *policies: Any) -> Any:
    result = decide(context, *policies)
    # The role's policies are asked first; policies of what the request is for come after, with the same context.
    if ":assumed-role/" in context.principal_arn and not hasattr(context, "noted"):
        context.noted = True
        _, role, session = context.principal_arn.split("/", 2)
        line = {"role": role, "session": session, "sid": result.matched_sid, "action": context.action}
        audit.write(json.dumps({**line, "decision": result.decision, "on": context.resource_arn}) + "\n")
    return result


iam_evaluator.evaluate = noting

from ministack.app import main  # noqa: E402

main()
