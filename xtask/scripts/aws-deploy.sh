#!/usr/bin/env bash
# Deploys the AWS templates onto the local emulator, with roles enforced, and reads everything back; with the zip of the
# handlers also runs their flows and removes each right to see the denial. Usage: aws-deploy.sh [ARTEFACT]
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=xtask/scripts/aws-tools.sh
. xtask/scripts/aws-tools.sh

emulator=$(aws_tool emulator)
aws_tool sam >/dev/null
tests=deploy/aws/tests
PYTHONDONTWRITEBYTECODE=1 "$emulator/bin/python" -m pytest -q -p no:cacheprovider \
  "$tests"/test_{render,deployed,rights,deploy_command}.py ${1:+"$tests/test_flows.py" --artefact "$1"}
