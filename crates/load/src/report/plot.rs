//! Plots as hand-written SVG: lines over two axes, logarithmic where the figures span decades.
//! Invariant: text is plain, colours work on light and dark pages, and the same series always give the same bytes.

use std::fmt::Write as _;

use super::{
    model::{Point, Series},
    table::number,
};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 54.0;
const COLOURS: [&str; 6] = ["#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#64748b"];

/// One axis.
#[derive(Debug, Clone, Copy)]
struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Axis {
        let high = values.clone().fold(f64::MIN, f64::max).max(1e-9);
        let smallest = values.fold(f64::MAX, f64::min);
        let logarithmic = smallest > 0.0 && high / smallest >= 30.0;
        let low = if logarithmic { 10_f64.powf(smallest.log10().floor()) } else { 0.0 };
        let high = if logarithmic { 10_f64.powf(high.log10().ceil()) } else { high * 1.05 };
        Axis { low, high, logarithmic, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        let part = if self.logarithmic {
            (value.max(self.low).log10() - self.low.log10()) / (self.high.log10() - self.low.log10())
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + part * (self.to - self.from)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let mut tick = self.low;
            let mut ticks = Vec::new();
            while tick <= self.high * 1.001 {
                ticks.push(tick);
                tick *= 10.0;
            }
            return ticks;
        }
        let rough = self.high / 5.0;
        let unit = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .iter()
            .map(|factor| factor * unit)
            .find(|step| *step >= rough)
            .unwrap_or(rough);
        let mut ticks = Vec::new();
        let mut tick = 0.0;
        while tick <= self.high {
            ticks.push(tick);
            tick += step;
        }
        ticks
    }
}

/// Draws series that share their axes.
#[must_use]
pub fn lines(title: &str, series: &[Series]) -> String {
    let points = series.iter().flat_map(|series| &series.points);
    let across = Axis::over(points.clone().map(|point| point.x), LEFT, WIDTH - RIGHT);
    let up = Axis::over(points.map(|point| point.y), HEIGHT - BOTTOM, TOP);
    let mut svg = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"{}\">",
        escaped(title)
    );
    let _ = writeln!(svg, "<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\" fill=\"#ffffff\"/>");
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"20\" font-size=\"14\" font-weight=\"600\" fill=\"#0f172a\">{}</text>",
        escaped(title)
    );
    axes(&mut svg, across, up, series);
    for (index, one) in series.iter().enumerate() {
        line(&mut svg, one, across, up, index);
    }
    svg.push_str("</svg>\n");
    svg
}

fn axes(svg: &mut String, across: Axis, up: Axis, series: &[Series]) {
    for tick in up.ticks() {
        let y = up.place(tick);
        let _ = writeln!(svg, "<path d=\"M{LEFT} {y:.1}H{:.1}\" stroke=\"#e2e8f0\"/>", WIDTH - RIGHT);
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#475569\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            short(tick)
        );
    }
    for tick in across.ticks() {
        let x = across.place(tick);
        let y = HEIGHT - BOTTOM;
        let _ = writeln!(svg, "<path d=\"M{x:.1} {y:.1}v5\" stroke=\"#94a3b8\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#475569\">{}</text>",
            y + 19.0,
            short(tick)
        );
    }
    let _ = writeln!(
        svg,
        "<path d=\"M{LEFT} {TOP}V{y:.1}H{x:.1}\" fill=\"none\" stroke=\"#94a3b8\"/>",
        y = HEIGHT - BOTTOM,
        x = WIDTH - RIGHT
    );
    if let Some(first) = series.first() {
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        let _ = writeln!(
            svg,
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#0f172a\">{}</text>",
            HEIGHT - 14.0,
            escaped(&first.x)
        );
        let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"38\" fill=\"#0f172a\">{}</text>", escaped(&first.y));
    }
}

fn line(svg: &mut String, series: &Series, across: Axis, up: Axis, index: usize) {
    let colour = COLOURS[index % COLOURS.len()];
    let at = |point: &Point| (across.place(point.x), up.place(point.y));
    let path: Vec<String> =
        series.points.iter().map(|point| format!("{:.1} {:.1}", at(point).0, at(point).1)).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        path.join(" ")
    );
    for point in &series.points {
        let (x, y) = at(point);
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"><title>{}: {}</title></circle>",
            number(point.x),
            number(point.y)
        );
    }
    let y = 20.0 + 16.0 * index as f64;
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\" fill=\"{colour}\">{}</text>",
        WIDTH - RIGHT,
        escaped(&series.name)
    );
}

fn short(value: f64) -> String {
    match value.abs() {
        1e6.. => format!("{} M", trimmed(value / 1e6)),
        1e4.. => format!("{} k", trimmed(value / 1e3)),
        _ => trimmed(value),
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
