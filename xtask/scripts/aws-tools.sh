#!/usr/bin/env bash
# The tools that check and run the AWS templates, each in a folder of its own because their requirements clash.
# Sourced: `aws_tool emulator|faults|checkov|sam|watch` installs one below target/ci/aws when it is missing and prints its folder.

# Versions that the templates are checked with.
aws_pins() {
  case "$1" in
    emulator) echo ministack==1.5.33 aws-sam-translator==1.115.0 cryptography==50.0.2 boto3==1.43.106 awscli==1.46.3 websockets==17.4 cfn-lint==1.58.0 pytest==9.2.0 ;;
    checkov) echo checkov==3.3.30 ;;
    sam) echo aws-sam-cli==1.170.0 ;;
    faults) echo microburst==0.10.0 ;;
    watch) echo cargo-lambda==1.9.2 ;;
    *) echo "no such tool: $1" >&2; return 2 ;;
  esac
}

aws_tool() {
  local pins folder
  pins=$(aws_pins "$1") || return
  folder=target/ci/aws/$1
  if [ "$(cat "$folder/pins" 2>/dev/null)" != "$pins" ]; then
    echo "Installing $pins ..." >&2
    # All of these keep pip busy for minutes. It trusts whom the system trusts, as pip does.
    local uv=target/ci/aws/uv
    [ -x "$uv/bin/uv" ] || { python3 -m venv "$uv" && "$uv/bin/pip" install --quiet --disable-pip-version-check uv==0.13.9; } >&2
    "$uv/bin/uv" venv --quiet --clear "$folder" >&2
    # Versions are words of their own.
    # shellcheck disable=SC2086
    "$uv/bin/uv" pip install --quiet --system-certs --python "$folder/bin/python" $pins >&2
    echo "$pins" >"$folder/pins"
  fi
  echo "$folder"
}
