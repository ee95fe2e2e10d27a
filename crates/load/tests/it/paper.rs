//! What is written: numbers, tables, plots, JSON.
//! Plots are compared by their structure, not by their looks.

use load::{
    measure::Latencies,
    report::{Check, Point, Report, SCHEMA, Scenario, Series, number, plot, table},
};

#[test]
fn numbers_have_the_digits_that_people_read() {
    let shown: Vec<String> =
        [0.0, 0.1234, 1.234, 12.34, 123.4, 1_234.0, 1_234_567.8, -9_999.6].map(number).to_vec();
    assert_eq!(shown, ["0.000", "0.123", "1.23", "12.3", "123", "1,234", "1,234,568", "-10,000"]);
}

#[test]
fn a_failed_check_is_seen_in_the_table_and_in_the_verdict() {
    let mut scenario = Scenario::new("name", "what");
    scenario.checks.push(Check::equal("held", 1, 1));
    assert!(scenario.is_ok());
    scenario.checks.push(Check { details: vec!["the third was lost".into()], ..Check::equal("lost", 3, 2) });
    assert!(!scenario.is_ok());
    let text = table(&scenario);
    assert!(
        text.contains("FAILED lost: expected 3, found 2") && text.contains("the third was lost"),
        "{text}"
    );
}

#[test]
fn latencies_are_summed_up_and_never_dropped() {
    let mut latencies = Latencies::default();
    (1..=1_000).for_each(|ms| latencies.record(ms * 1_000_000));
    latencies.record(u64::MAX);
    let summary = latencies.summary();
    assert_eq!(summary.count, 1_001);
    for (found, expected) in [(summary.p50_ms, 501.0), (summary.p99_ms, 991.0), (summary.max_ms, 120_000.0)] {
        assert!((found - expected).abs() / expected < 0.002, "{found} {expected}");
    }
}

#[test]
fn a_report_survives_its_json() {
    let mut scenario = Scenario::new("name", "what");
    scenario.figure("rate", 12.5, "1/s");
    scenario.parameter("members", 3);
    let report = Report { schema: SCHEMA.into(), scenarios: vec![scenario], ok: true, ..Report::default() };
    let back: Report = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    assert_eq!((back.schema.as_str(), back.scenarios[0].value("rate")), ("dynamowave-load/1", Some(12.5)));
}

#[test]
fn a_plot_has_a_line_per_series_and_a_dot_per_point_inside_its_frame() {
    let series = |name: &str, factor: f64| Series {
        name: name.into(),
        x: "x & more".into(),
        y: "y <ms>".into(),
        points: [1.0, 10.0, 100.0, 1_000.0].map(|x| Point { x, y: x * factor }).to_vec(),
    };
    let svg = plot::lines("a \"title\"", &[series("one", 1.0), series("two", 0.01)]);
    assert_eq!(svg.matches("<polyline").count(), 2);
    assert_eq!(svg.matches("<circle").count(), 8);
    assert!(
        svg.contains("x &amp; more")
            && svg.contains("y &lt;ms>")
            && !svg.contains("NaN")
            && !svg.contains("inf"),
        "{svg}"
    );
    for part in svg.split("<circle cx=\"").skip(1) {
        let x: f64 = part.split('"').next().unwrap().parse().unwrap();
        assert!((78.0..=700.5).contains(&x), "{x}");
    }
    assert_eq!(svg, plot::lines("a \"title\"", &[series("one", 1.0), series("two", 0.01)]));
}

#[test]
fn a_plot_of_zeros_is_a_plot() {
    let flat = Series {
        name: "flat".into(),
        x: "x".into(),
        y: "y".into(),
        points: vec![Point { x: 0.0, y: 0.0 }, Point { x: 1.0, y: 0.0 }],
    };
    let svg = plot::lines("flat", &[flat]);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}
