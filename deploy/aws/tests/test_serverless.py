"""What `serverless.yaml` and `edge.yaml` promise: routes, throttling, logs, TLS, the distribution, concurrency, alarms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import template

ROOT = Path(__file__).parents[3]
WEB_ACL = "arn:aws:wafv2:us-east-1:000000000000:global/webacl/dynamowave/1"
DOMAIN = {"DomainName": "chat.example.org", "HostedZoneId": "Z1", "CertificateId": "c"}
SECOND = {
    **DOMAIN,
    "OriginDomain": "origin.chat.example.org",
    "SecondRegion": "eu-central-1",
    "SecondWebBucketDomain": "web.s3.eu-central-1.amazonaws.com",
}
REPLICA = {
    **SECOND,
    "RegionRole": "replica",
    "SecondRegion": "none",
    "OriginSecretId": "secret-abc",
    "DistributionArn": "arn:d",
}
CRITICAL = {"Authorizer", "Connect", "Send", "Default", "Persist", "Notify"}
HANDLERS = CRITICAL | {"Disconnect", "Http", "Warm"}


def resolved(**parameters: Any) -> dict[str, Any]:
    return template.resolve(template.load("serverless"), WebAclArn=WEB_ACL, **parameters)


def functions(**parameters: Any) -> dict[str, dict[str, Any]]:
    found = template.of_type(resolved(**parameters), "AWS::Serverless::Function")
    return {name.removesuffix("Function"): one for name, one in found.items()}


def distribution(**parameters: Any) -> dict[str, Any]:
    (one,) = template.of_type(resolved(**parameters), "AWS::CloudFront::Distribution").values()
    return one["DistributionConfig"]


def stages() -> dict[str, dict[str, Any]]:
    return template.of_type(resolved(), "AWS::ApiGatewayV2::Stage")


# ---- handlers ----


def test_there_is_a_function_for_every_handler() -> None:
    named = {name: one["Environment"]["Variables"]["DYNAMOWAVE_HANDLER"] for name, one in functions().items()}
    assert named == {name: name.lower() for name in HANDLERS}


def test_every_function_has_a_role_and_a_log_of_its_own() -> None:
    for name, one in functions().items():
        assert one["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
        assert one["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}Logs"}


def test_handlers_know_where_everything_is() -> None:
    variables = resolved()["Globals"]["Function"]["Environment"]["Variables"]
    assert set(variables) == {
        "DYNAMOWAVE_AWS_MAIN_TABLE",
        "DYNAMOWAVE_AWS_LIVE_TABLE",
        "DYNAMOWAVE_AWS_MESSAGES_QUEUE",
        "DYNAMOWAVE_AWS_MESSAGES_DEAD_QUEUE",
        "DYNAMOWAVE_AWS_NOTIFICATIONS_QUEUE",
        "DYNAMOWAVE_AWS_NOTIFICATIONS_DEAD_QUEUE",
        "DYNAMOWAVE_AWS_FILES_BUCKET",
        "DYNAMOWAVE_POST_ENDPOINT",
        "DYNAMOWAVE_ORIGIN_SECRET_ARN",
        "DYNAMOWAVE_OWN_ORIGINS",
        "DYNAMOWAVE_LOG",
    }


def test_every_variable_is_one_that_the_handlers_read() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "crates/lambda/src").glob("*.rs"))
    named = set(resolved()["Globals"]["Function"]["Environment"]["Variables"])
    for one in functions().values():
        named |= set(one["Environment"]["Variables"])
    # Queues are named by their parts.
    read = {re.sub(r"_AWS_\w+?(_DEAD)?_QUEUE$", r"_AWS_{name}\1_QUEUE", one) for one in named}
    assert {one for one in read if f'"{one}"' not in sources} == set()


def test_the_operators_token_is_never_shown() -> None:
    about = template.load("serverless")["Parameters"]["OperatorTokenSha256"]
    assert about["NoEcho"] is True
    holders = {name for name, one in functions().items() if "OPERATOR" in str(one["Environment"]["Variables"])}
    assert holders == {"Http"}


def test_critical_functions_reserve_their_concurrency() -> None:
    reserved = {name for name, one in functions().items() if one.get("ReservedConcurrentExecutions", 0) > 0}
    assert reserved == CRITICAL
    small = functions(ReserveConcurrency="false").values()
    assert not any("ReservedConcurrentExecutions" in one for one in small)


def test_an_account_of_1000_keeps_room_for_others() -> None:
    assert sum(one.get("ReservedConcurrentExecutions", 0) for one in functions().values()) <= 900


def test_provisioned_concurrency_is_an_option() -> None:
    assert not any("ProvisionedConcurrencyConfig" in one for one in functions().values())
    found = {
        name: one["ProvisionedConcurrencyConfig"]["ProvisionedConcurrentExecutions"]
        for name, one in functions(ProvisionedConcurrency=3).items()
        if "ProvisionedConcurrencyConfig" in one
    }
    assert found == dict.fromkeys(CRITICAL, 3)


def test_a_new_version_takes_over_by_its_alias() -> None:
    assert resolved()["Globals"]["Function"]["AutoPublishAlias"] == "live"
    assert all(one["AutoPublishAliasAllProperties"] for one in functions().values())


def test_handlers_are_kept_warm_by_a_schedule() -> None:
    rule = template.of_type(resolved(), "AWS::Events::Rule")["WarmSchedule"]
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(5 minutes)", "ENABLED")
    assert rule["Targets"][0]["Input"] == '{"dynamowave":"warm"}'
    off = template.of_type(resolved(KeepWarm="DISABLED"), "AWS::Events::Rule")["WarmSchedule"]
    assert off["State"] == "DISABLED"
    called = functions()["Warm"]["Environment"]["Variables"]["DYNAMOWAVE_WARM_FUNCTIONS"]["Fn::Join"][1]
    assert {one["Ref"] for one in called} == {f"{name}Function.Alias" for name in HANDLERS - {"Warm"}}


def test_files_that_nothing_shows_go_away_by_a_schedule() -> None:
    rule = template.of_type(resolved(KeepWarm="DISABLED"), "AWS::Events::Rule")["SweepSchedule"]
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(5 minutes)", "ENABLED")
    (target,) = rule["Targets"]
    assert (target["Arn"], target["Input"]) == ({"Ref": "HttpFunction.Alias"}, '{"dynamowave":"sweep"}')


def test_workers_give_back_only_what_failed_and_stay_below_what_they_reserve() -> None:
    triggers = template.of_type(resolved(), "AWS::Lambda::EventSourceMapping")
    for name in ("Persist", "Notify"):
        trigger = triggers[f"{name}Trigger"]
        assert trigger["BatchSize"] == 10
        assert trigger["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert trigger["ScalingConfig"]["MaximumConcurrency"] <= functions()[name]["ReservedConcurrentExecutions"]


# ---- API Gateway ----


def test_the_websocket_api_has_its_routes() -> None:
    api = template.of_type(resolved(), "AWS::ApiGatewayV2::Api")["WebSocketApi"]
    assert (api["ProtocolType"], api["RouteSelectionExpression"]) == ("WEBSOCKET", "$request.body.action")
    routes = template.of_type(resolved(), "AWS::ApiGatewayV2::Route")
    sockets = {one["RouteKey"]: one for one in routes.values() if one["ApiId"] == {"Ref": "WebSocketApi"}}
    assert set(sockets) == {"$connect", "$disconnect", "sendMessage", "$default"}
    assert sockets["$connect"]["AuthorizationType"] == "CUSTOM"


def test_frames_are_answered_over_the_route() -> None:
    routes = template.of_type(resolved(), "AWS::ApiGatewayV2::Route")
    answers = template.of_type(resolved(), "AWS::ApiGatewayV2::RouteResponse").values()
    answering = {one["RouteId"]["Ref"] for one in answers if one["RouteResponseKey"] == "$default"}
    assert answering == {"SendRoute", "DefaultRoute"}
    assert {
        name for name, one in routes.items() if one.get("RouteResponseSelectionExpression") == "$default"
    } == answering


def test_the_routes_are_deployed() -> None:
    assert template.of_type(resolved(), "AWS::ApiGatewayV2::Deployment")
    assert all(stage["AutoDeploy"] is True for stage in stages().values())


def test_the_http_api_passes_everything_below_v1() -> None:
    routes = template.of_type(resolved(), "AWS::ApiGatewayV2::Route").values()
    http = {one["RouteKey"] for one in routes if one["ApiId"] == {"Ref": "HttpApi"}}
    assert http == {"ANY /v1/{proxy+}", "GET /readyz"}


def test_stages_are_throttled() -> None:
    for stage in stages().values():
        settings = stage["DefaultRouteSettings"]
        assert settings["ThrottlingRateLimit"] > 0
        assert settings["ThrottlingBurstLimit"] > 0
    connect = stages()["WebSocketStage"]["RouteSettings"]["$connect"]
    # The account opens no more than 500 sockets a second.
    assert connect["ThrottlingRateLimit"] <= 500
    assert connect["ThrottlingBurstLimit"] <= 500


def test_stages_write_access_logs_and_never_what_people_write() -> None:
    groups = template.of_type(resolved(), "AWS::Logs::LogGroup")
    for stage in stages().values():
        log = stage["AccessLogSettings"]
        assert log["DestinationArn"]["Fn::GetAtt"][0] in groups
        for secret in ("query", "authorizer", "cookie", "header"):
            assert secret not in log["Format"].lower()
    sockets = stages()["WebSocketStage"]
    for settings in (sockets["DefaultRouteSettings"], *sockets["RouteSettings"].values()):
        assert settings["DataTraceEnabled"] is False


def test_logs_are_encrypted_and_end() -> None:
    for name in ("serverless", "containers", "edge"):
        for group in template.of_type(template.load(name), "AWS::Logs::LogGroup").values():
            assert group["KmsKeyId"]
            assert group["RetentionInDays"] == {"Ref": "LogDays"}


def test_a_socket_without_the_header_of_the_distribution_starts_nothing() -> None:
    (authorizer,) = template.of_type(resolved(), "AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["AuthorizerType"] == "REQUEST"
    assert authorizer["IdentitySource"] == ["route.request.header.x-dynamowave-origin"]


def test_every_caller_of_a_function_may_call_that_one_from_that_place_only() -> None:
    for one in template.of_type(resolved(), "AWS::Lambda::Permission").values():
        assert one["FunctionName"]["Ref"].endswith("Function.Alias")
        assert one["SourceArn"]


# ---- the distribution ----


def test_people_reach_everything_by_tls_only() -> None:
    config = distribution(**DOMAIN)
    assert config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"
    assert {one["ViewerProtocolPolicy"] for one in config["CacheBehaviors"]} == {"https-only"}
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    for origin in config["Origins"]:
        if "CustomOriginConfig" in origin:
            assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
            assert origin["CustomOriginConfig"]["OriginSSLProtocols"] == ["TLSv1.2"]


def test_sockets_routes_and_pages_are_one_origin() -> None:
    config = distribution()
    paths = [(one["PathPattern"], one["TargetOriginId"]) for one in config["CacheBehaviors"]]
    assert paths == [("/v1/ws", "sockets"), ("/v1/*", "http")]
    assert config["DefaultCacheBehavior"]["TargetOriginId"] == "web"


def test_origins_know_the_distribution_by_a_secret_header() -> None:
    for origin in distribution()["Origins"]:
        if "CustomOriginConfig" in origin:
            (header,) = origin["OriginCustomHeaders"]
            assert header["HeaderName"] == "x-dynamowave-origin"
            assert "resolve:secretsmanager:${OriginSecret.Id}" in header["HeaderValue"]["Fn::Sub"]


def test_a_firewall_stands_before_the_distribution() -> None:
    assert distribution()["WebACLId"] == WEB_ACL
    parameter = template.load("serverless")["Parameters"]["WebAclArn"]
    assert "Default" not in parameter


def test_the_firewall_bounds_each_address_and_knows_bad_ones() -> None:
    for name, scope in (("edge", "CLOUDFRONT"), ("containers", "REGIONAL")):
        (acl,) = template.of_type(template.load(name), "AWS::WAFv2::WebACL").values()
        assert acl["Scope"] == scope
        rules = {rule["Name"] for rule in acl["Rules"]}
        assert rules == {"one-address", "one-address-logs-in", "known-bad-addresses", "known-bad-inputs", "common"}


def test_the_firewall_logs_no_secret() -> None:
    for name in ("edge", "containers"):
        (log,) = template.of_type(template.load(name), "AWS::WAFv2::LoggingConfiguration").values()
        assert {"QueryString": {}} in log["RedactedFields"]
        hidden = {one["SingleHeader"]["Name"] for one in log["RedactedFields"] if "SingleHeader" in one}
        assert hidden >= {"authorization", "cookie"}


def test_the_firewall_lets_people_write_what_they_like() -> None:
    for name in ("edge", "containers"):
        (acl,) = template.of_type(template.load(name), "AWS::WAFv2::WebACL").values()
        (common,) = (rule for rule in acl["Rules"] if rule["Name"] == "common")
        counted = common["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]
        assert {"CrossSiteScripting_BODY", "SizeRestrictions_BODY", "NoUserAgent_HEADER"} <= {
            one["Name"] for one in counted if one["ActionToUse"] == {"Count": {}}
        }


def test_pages_get_the_headers_that_the_server_sends() -> None:
    source = (ROOT / "crates/cli/src/pages.rs").read_text(encoding="utf-8")
    policy = re.search(r'const POLICY: HeaderValue = HeaderValue::from_static\(\s*"(.*?)",\s*\);', source, re.S)
    assert policy
    wanted = re.sub(r"\\\n\s*", "", policy.group(1))
    pages = template.of_type(resolved(), "AWS::CloudFront::ResponseHeadersPolicy")["PageHeaders"]
    headers = pages["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert headers["ContentSecurityPolicy"]["ContentSecurityPolicy"] == wanted
    assert headers["ContentTypeOptions"]["Override"] is True
    assert headers["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"
    assert headers["FrameOptions"]["FrameOption"] == "DENY"
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31536000
    items = pages["ResponseHeadersPolicyConfig"]["CustomHeadersConfig"]["Items"]
    assert {(one["Header"], one["Value"]) for one in items} == {
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    }
    assert distribution()["DefaultCacheBehavior"]["ResponseHeadersPolicyId"] == {"Ref": "PageHeaders"}


def test_only_the_distribution_reads_the_web_app() -> None:
    (policy,) = template.of_type(resolved(), "AWS::S3::BucketPolicy").values()
    (reads,) = (one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow")
    assert reads["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert "${Distribution}" in reads["Condition"]["StringEquals"]["AWS:SourceArn"]["Fn::Sub"]
    (bucket,) = template.of_type(resolved(), "AWS::S3::Bucket").values()
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}


# ---- two regions ----


def test_a_second_region_is_found_by_health() -> None:
    for role, failover in ((SECOND, "PRIMARY"), (REPLICA, "SECONDARY")):
        whole = resolved(**role)
        (check,) = template.of_type(whole, "AWS::Route53::HealthCheck").values()
        assert (check["HealthCheckConfig"]["Type"], check["HealthCheckConfig"]["ResourcePath"]) == ("HTTPS", "/readyz")
        records = template.of_type(whole, "AWS::Route53::RecordSet")
        for name in ("WebSocketFailover", "HttpFailover"):
            assert records[name]["Failover"] == failover
            assert records[name]["HealthCheckId"] == {"Ref": "RegionHealth"}
    assert template.of_type(resolved(**DOMAIN), "AWS::Route53::HealthCheck") == {}


def test_there_is_one_distribution_for_both_regions() -> None:
    assert template.of_type(resolved(**REPLICA), "AWS::CloudFront::Distribution") == {}
    config = distribution(**SECOND)
    names = {one["Id"]: one["DomainName"] for one in config["Origins"]}
    assert names["sockets"] == {"Fn::Sub": "ws.${OriginDomain}"}
    assert names["http"] == {"Fn::Sub": "http.${OriginDomain}"}
    assert config["DefaultCacheBehavior"]["TargetOriginId"] == "web-group"


# ---- alarms ----


def test_alarms_watch_errors_throttles_latency_and_connections() -> None:
    alarms = template.of_type(resolved(), "AWS::CloudWatch::Alarm")
    assert set(alarms) == {
        "ErrorsAlarm",
        "ThrottlesAlarm",
        "WarmErrorsAlarm",
        "SendLatencyAlarm",
        "HttpLatencyAlarm",
        "PersistLatencyAlarm",
        "ConnectionsAlarm",
        "WebSocketErrorsAlarm",
        "HttpErrorsAlarm",
    }
    for name, metric in (("ErrorsAlarm", "Errors"), ("ThrottlesAlarm", "Throttles")):
        parts = [one["MetricStat"]["Metric"] for one in alarms[name]["Metrics"] if "MetricStat" in one]
        assert {one["MetricName"] for one in parts} == {metric}
        watched = {one["Dimensions"][0]["Value"]["Ref"] for one in parts}
        assert watched == {f"{handler}Function" for handler in HANDLERS - {"Warm"}}
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Fn::ImportValue": {"Fn::Sub": "${DataStack}-AlarmTopicArn"}}]


def test_a_restored_table_takes_the_place_of_the_old_one() -> None:
    whole = resolved(RestoredTable="restored")
    assert whole["Globals"]["Function"]["Environment"]["Variables"]["DYNAMOWAVE_AWS_MAIN_TABLE"] == "restored"
    for _, statement in template.statements(whole):
        if statement["Sid"] in ("ReadMain", "WriteMain"):
            assert "${RestoredTable}" in statement["Resource"]["Fn::Sub"]


def test_whoever_may_make_dead_letters_is_counted_by_the_line_that_the_program_writes() -> None:
    line = re.search(r'const BURIED: &str = "(.+)";', (ROOT / "crates/backend-aws/src/queue/dead.rs").read_text())
    assert line
    counted = {
        "serverless": {"HttpLogs", "PersistLogs", "NotifyLogs"},
        "containers": {"GatewayLogs", "PersisterLogs", "NotifierLogs"},
    }
    alarm = template.load("data")["Resources"]["DeadLettersAlarm"]["Properties"]
    for name, logs in counted.items():
        filters = template.of_type(template.load(name), "AWS::Logs::MetricFilter").values()
        assert {one["LogGroupName"]["Ref"] for one in filters} == logs
        for one in filters:
            assert one["FilterPattern"] == f'"{line.group(1)}"'
            (counts,) = one["MetricTransformations"]
            assert (counts["MetricNamespace"], counts["MetricName"]) == (alarm["Namespace"], alarm["MetricName"])
