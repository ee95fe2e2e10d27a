#!/usr/bin/env bash
# Deploys a home on AWS: its data first, what a distribution needs in us-east-1, the home, and the web app.
#
# Usage: deploy.sh serverless|containers --region REGION [options]
#   --name NAME          stacks are NAME-data, NAME-serverless, …         (dynamowave)
#   --environment NAME   tag and part of names                            (production)
#   --domain DOMAIN      what people open; containers need one
#   --zone ID            zone of Route 53 that it lies in
#   --image IMAGE        image in ECR, for containers
#   --set NAME=VALUE     parameter of the home, as often as needed
#   --set-data NAME=VALUE  parameter of the data
#   --bucket BUCKET      where templates and code are put                 (one that SAM makes)
#   --dry-run            make the change sets and execute none
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# Another folder with templates of the same names, as the tests have for the local emulator.
templates=${DYNAMOWAVE_TEMPLATES:-$here}
root=$(cd "$here/../.." && pwd)
name=dynamowave environment=production
region='' domain='' zone='' image='' bucket='' dry_run=
home_parameters=() data_parameters=() edge_parameters=()

fail() {
  echo "$*" >&2
  exit 2
}

usage() {
  sed -n 's/^# \{0,1\}//; 2,15p' "$0" >&2
  exit 2
}

read_arguments() {
  home=${1:-}
  case "$home" in serverless | containers) shift ;; *) usage ;; esac
  while [ $# -gt 0 ]; do
    if [ "$1" = --dry-run ]; then
      dry_run=1
      shift
      continue
    fi
    [ $# -ge 2 ] || usage
    case "$1" in
      --name) name=$2 ;;
      --environment) environment=$2 ;;
      --region) region=$2 ;;
      --domain) domain=$2 ;;
      --zone) zone=$2 ;;
      --image) image=$2 ;;
      --bucket) bucket=$2 ;;
      --set) home_parameters+=("$2") ;;
      --set-data) data_parameters+=("$2") ;;
      *) usage ;;
    esac
    shift 2
  done
}

check_arguments() {
  [ -n "$region" ] || fail "Say where: --region eu-west-1"
  [ -z "$domain" ] || [ -n "$zone" ] || fail "--domain needs --zone, the id of its zone in Route 53"
  command -v aws >/dev/null || fail "Missing: aws, the AWS CLI: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
  command -v sam >/dev/null || fail "Missing: sam, the SAM CLI: pip install aws-sam-cli"
  if [ "$home" = containers ]; then
    [ -n "$domain" ] || fail "Containers need --domain and --zone: their load balancer has no name of its own that TLS could use"
    [ -n "$image" ] || fail "Containers need --image: make image, then push it to a repository of ECR"
  else
    [ -d "$root/web/dist" ] || fail "There is no web/dist: run make web, then this again"
    [ "$templates" != "$here" ] || [ -x "$root/target/lambda/bootstrap/bootstrap" ] ||
      fail "There is no target/lambda/bootstrap/bootstrap: build the handlers, then this again"
  fi
}

# Deploys the template $1 in the region $2 with the parameters that follow.
deploy() {
  local template=$1 where=$2
  shift 2
  local storage=(--resolve-s3)
  [ -z "$bucket" ] || storage=(--s3-bucket "$bucket")
  echo "--- $name-$template in $where" >&2
  SAM_CLI_TELEMETRY=0 sam deploy --template-file "$templates/$template.yaml" --stack-name "$name-$template" --region "$where" \
    "${storage[@]}" --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-confirm-changeset --no-fail-on-empty-changeset \
    ${dry_run:+--no-execute-changeset} --tags application=dynamowave "environment=$environment" \
    --parameter-overrides "Environment=$environment" "$@" >&2
}

# Prints the output $2 of the stack of the template $1 in the region $3.
output() {
  aws cloudformation describe-stacks --stack-name "$name-$1" --region "$3" \
    --query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue" --output text
}

# The ARN of the repository of an image in ECR.
repository() {
  local host=${image%%/*} path=${image#*/} account where
  account=${host%%.*}
  where=${host#*.dkr.ecr.}
  path=${path%%@*}
  [[ $host == *.dkr.ecr.* ]] || fail "--image must lie in ECR: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME"
  echo "arn:aws:ecr:${where%%.*}:$account:repository/${path%%:*}"
}

web_app() {
  local app=$root/web/dist target distribution
  target=s3://$(output serverless WebBucket "$region")
  # What carries the hash of its contents may be kept for ever, and comes first: pages name it.
  aws s3 sync "$app/assets" "$target/assets" --region "$region" --cache-control "public, max-age=31536000, immutable" >&2
  aws s3 sync "$app" "$target" --region "$region" --exclude "assets/*" --cache-control no-cache --delete >&2
  distribution=$(output serverless DistributionId "$region")
  # A second region has no distribution of its own.
  case "$distribution" in '' | None) return ;; esac
  aws cloudfront create-invalidation --distribution-id "$distribution" --paths '/*' --region us-east-1 >&2
}

read_arguments "$@"
check_arguments
deploy data "$region" ${data_parameters[@]+"${data_parameters[@]}"}
home_parameters=("DataStack=$name-data" ${home_parameters[@]+"${home_parameters[@]}"})
if [ -n "$domain" ]; then
  edge_parameters=("DomainName=$domain" "HostedZoneId=$zone")
  home_parameters+=("${edge_parameters[@]}")
fi
if [ "$home" = serverless ]; then
  deploy edge us-east-1 ${edge_parameters[@]+"${edge_parameters[@]}"}
  home_parameters+=("WebAclArn=$(output edge WebAclArn us-east-1)" "CertificateId=$(output edge CertificateId us-east-1)")
else
  home_parameters+=("Image=$image" "ImageRepositoryArn=$(repository)")
fi
deploy "$home" "$region" "${home_parameters[@]}"
if [ -z "$dry_run" ]; then
  [ "$home" = containers ] || web_app
  for key in Address SocketAddress; do
    echo "$key $(output "$home" "$key" "$region")"
  done
fi
