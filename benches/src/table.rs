//! Markdown tables, ready to be pasted into the README.

/// Prints `rows` under `header` as a Markdown table.
pub fn print(title: &str, header: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .chain([header[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<_> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<_> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        println!("| {} |", padded.join(" | "));
    };
    println!("\n### {title}\n");
    line(header.to_vec());
    let rule: Vec<_> = widths.iter().map(|width| "-".repeat(*width)).collect();
    line(rule.iter().map(String::as_str).collect());
    for row in rows {
        line(row.iter().map(String::as_str).collect());
    }
}

/// `0.123 s`, `1.23 ms` or `4.5 µs`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.1} ms", s * 1e3),
        s => format!("{:.2} µs", s * 1e6),
    }
}

/// `1.23×`.
pub fn ratio(value: f64) -> String {
    format!("{value:.2}×")
}

/// Whether a bar is met, in a word.
pub fn verdict(met: bool) -> String {
    if met { "met" } else { "missed" }.to_owned()
}
