#!/usr/bin/env bash
# The tools that check and run the AWS templates, each in a folder of its own because their requirements clash.
# Sourced: `aws_tool emulator|faults|checkov|sam|watch` installs one below target/ci/aws when it is missing and prints its folder;
# `free_port` prints a port; `start_emulator` starts an emulator and says where in AWS_ENDPOINT_URL and emulator_pid.

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

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Waits until it answers. It is the leader of a session: functions that it starts end with it by `kill -- -PID`.
start_emulator() {
  local emulator port
  emulator=$PWD/$(aws_tool emulator) || return
  port=$(free_port)
  export AWS_ENDPOINT_URL=http://127.0.0.1:$port
  mkdir -p target/ci/aws
  BIND_HOST=127.0.0.1 IOT_MTLS_ENABLED=0 GATEWAY_PORT=$port MINISTACK_REGION=eu-west-1 \
    setsid "$emulator/bin/ministack" >target/ci/aws/emulator.log 2>&1 &
  # For whoever sources this.
  # shellcheck disable=SC2034
  emulator_pid=$!
  for _ in $(seq 300); do
    if curl -fsS -m 1 -o /dev/null "$AWS_ENDPOINT_URL/_ministack/health" 2>/dev/null; then return; fi
    sleep 0.2
  done
  echo "the emulator does not start; see target/ci/aws/emulator.log" >&2
  return 1
}
