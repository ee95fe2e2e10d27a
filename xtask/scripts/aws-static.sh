#!/usr/bin/env bash
# Checks the AWS templates without an account: cfn-lint, checkov with reviewed findings, sam validate, and the tests that
# read every promise from them. Usage: aws-static.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=xtask/scripts/aws-tools.sh
. xtask/scripts/aws-tools.sh

emulator=$(aws_tool emulator)
checkov=$(aws_tool checkov)
sam=$(aws_tool sam)
export SAM_CLI_TELEMETRY=0
templates=deploy/aws

for region in eu-west-1 us-east-1; do
  "$emulator/bin/cfn-lint" --regions "$region" -- "$templates"/{data,serverless,containers}.yaml
done
"$emulator/bin/cfn-lint" --regions us-east-1 -- "$templates/edge.yaml"
echo "cfn-lint: no findings"

# It ends with 1 when it finds anything; what it finds is judged by the next command.
"$checkov/bin/checkov" --skip-download --directory "$templates" --framework cloudformation --output json --soft-fail 2>/dev/null |
  PYTHONDONTWRITEBYTECODE=1 "$emulator/bin/python" "$templates/reviewed.py"

# What sam deploys has a folder of code; an empty one is enough to check it.
mkdir -p target/lambda/bootstrap
"$sam/bin/sam" validate --lint --region eu-west-1 --template-file "$templates/serverless.yaml" 2>&1 | grep -v '^$'

PYTHONDONTWRITEBYTECODE=1 "$emulator/bin/python" -m pytest -q -p no:cacheprovider \
  "$templates"/tests/test_{data,serverless,containers,roles,tags}.py
