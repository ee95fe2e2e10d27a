#!/usr/bin/env bash
# Deploys the AWS templates onto the local emulator, with roles enforced, and reads everything back. With the zip of the
# handlers also runs conversations through them (in Chromium too, where web/dist is), their journeys, and removes each
# right to see the denial; with the binary dynamowave (--features aws), the operator's commands, and the same for the
# services.
# Usage: aws-deploy.sh [ARTEFACT [PROGRAM]]
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=xtask/scripts/aws-tools.sh
. xtask/scripts/aws-tools.sh

emulator=$(aws_tool emulator)
aws_tool sam >/dev/null
tests=deploy/aws/tests
run() { PYTHONDONTWRITEBYTECODE=1 "$emulator/bin/python" -m pytest -q -p no:cacheprovider "$@"; }

run "$tests"/test_{render,deployed,rights,deploy_command}.py
if [ $# -ge 1 ]; then
  run "$tests"/test_{conversation,front}.py --artefact "$1" ${2:+--program "$2"}
  run "$tests/test_flows.py" --artefact "$1"
fi
if [ $# -ge 2 ]; then
  run "$tests/test_services.py" --program "$2"
fi
