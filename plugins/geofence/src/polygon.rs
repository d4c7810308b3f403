//! Polygons: out of well-known text (OGC 06-103r4, 7.2), and whether a point is in one.

use std::str::FromStr;

/// Rings of edges. A point is inside where an odd number of rings is around it: holes and the
/// parts of a multipolygon need nothing more.
#[derive(Debug)]
pub struct Polygon {
    edges: Vec<Edge>,
    /// the least and greatest x and y
    extent: [f64; 4],
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    from: (f64, f64),
    to: (f64, f64),
}

impl Polygon {
    /// Counts the edges that a ray to the right crosses (M. Shimrat, "Algorithm 112", CACM 5 (8),
    /// 1962). A point on the left or lower border is inside, one on the right or upper is not.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        let [left, right, bottom, top] = self.extent;
        if !(left <= x && x <= right && bottom <= y && y <= top) {
            return false;
        }
        let crosses = |edge: &&Edge| {
            let ((x1, y1), (x2, y2)) = (edge.from, edge.to);
            (y1 > y) != (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1
        };
        self.edges.iter().filter(crosses).count() % 2 == 1
    }
}

impl FromStr for Polygon {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let start = text.find('(').unwrap_or(0);
        let depth = match text[..start].trim().to_ascii_uppercase().as_str() {
            "POLYGON" => 2,
            "MULTIPOLYGON" => 3,
            "" => 0,
            other => return Err(format!("'{other}' is not POLYGON or MULTIPOLYGON")),
        };
        let rings = match depth {
            0 => vec![text],
            _ => rings(&text[start..], depth)?,
        };
        let mut edges = Vec::new();
        for ring in rings {
            add_ring(ring, depth > 0, &mut edges)?;
        }
        let mut extent = [
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        for Edge { from: (x, y), .. } in &edges {
            extent = [
                extent[0].min(*x),
                extent[1].max(*x),
                extent[2].min(*y),
                extent[3].max(*y),
            ];
        }
        Ok(Self { edges, extent })
    }
}

/// What is in the innermost parentheses, which are `depth` deep.
fn rings(text: &str, depth: usize) -> Result<Vec<&str>, String> {
    let unbalanced = || "the parentheses are not balanced".to_string();
    let mut rings = Vec::new();
    let (mut open, mut start) = (0, 0);
    for (at, character) in text.char_indices() {
        match character {
            '(' => {
                open += 1;
                start = at + 1;
            }
            ')' => {
                if open == depth {
                    rings.push(&text[start..at]);
                }
                open = usize::checked_sub(open, 1).ok_or_else(unbalanced)?;
            }
            _ if open == depth || character == ',' || character.is_whitespace() => {}
            _ => {
                return Err(format!(
                    "'{character}' is not in a ring of {depth} parentheses"
                ));
            }
        }
        if open > depth {
            return Err(format!("more than {depth} parentheses around a ring"));
        }
    }
    match (open, rings.is_empty()) {
        (0, false) => Ok(rings),
        (0, true) => Err("there is no ring".to_string()),
        _ => Err(unbalanced()),
    }
}

fn add_ring(text: &str, must_close: bool, edges: &mut Vec<Edge>) -> Result<(), String> {
    let mut corners = text.split(',').map(corner).collect::<Result<Vec<_>, _>>()?;
    let closed = corners.len() > 1 && corners.first() == corners.last();
    if closed {
        corners.pop();
    } else if must_close {
        return Err("a ring must end where it starts".to_string());
    }
    if corners.len() < 3 {
        return Err(format!(
            "a ring needs 3 corners, this one has {}",
            corners.len()
        ));
    }
    let next = corners.iter().cycle().skip(1);
    let pairs = corners.iter().zip(next);
    edges.extend(pairs.map(|(from, to)| Edge {
        from: *from,
        to: *to,
    }));
    Ok(())
}

fn corner(text: &str) -> Result<(f64, f64), String> {
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map_while(|number| number.parse().ok())
        .filter(|number: &f64| number.is_finite())
        .collect();
    match numbers[..] {
        [x, y] if text.split_whitespace().count() == 2 => Ok((x, y)),
        _ => Err(format!(
            "'{}' is not a corner: two numbers, 'lon lat'",
            text.trim()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Polygon {
        text.parse().unwrap()
    }

    #[test]
    fn holes_and_parts_count() {
        let square_with_hole =
            parse("POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (4 4, 6 4, 6 6, 4 6, 4 4))");
        assert!(square_with_hole.contains(1.0, 1.0));
        assert!(!square_with_hole.contains(5.0, 5.0));
        assert!(!square_with_hole.contains(11.0, 5.0));
        assert!(!square_with_hole.contains(f64::NAN, 5.0));

        let two = parse("multipolygon(((0 0,1 0,0 1,0 0)),((10 10,11 10,10 11,10 10)))");
        assert!(two.contains(0.2, 0.2));
        assert!(two.contains(10.2, 10.2));
        assert!(!two.contains(0.8, 0.8));
        assert!(!two.contains(5.0, 5.0));
    }

    #[test]
    fn a_bare_list_closes_itself() {
        let triangle = parse("0 0, 4 0, 0 4");
        assert!(triangle.contains(1.0, 1.0));
        assert!(!triangle.contains(3.0, 3.0));
    }

    /// A border belongs to one side only, so that tiles neither overlap nor leave a gap.
    #[test]
    fn tiles_share_no_point() {
        let (left, right) = (parse("0 0, 1 0, 1 1, 0 1"), parse("1 0, 2 0, 2 1, 1 1"));
        assert!(!left.contains(1.0, 0.5));
        assert!(right.contains(1.0, 0.5));
    }

    #[test]
    fn bad_polygons_are_refused_in_words() {
        let refusal = |text: &str| text.parse::<Polygon>().unwrap_err();
        assert_eq!(
            refusal("CIRCLE (1 2)"),
            "'CIRCLE' is not POLYGON or MULTIPOLYGON"
        );
        assert_eq!(
            refusal("POLYGON ((0 0, 1 0, 1 1))"),
            "a ring must end where it starts"
        );
        assert_eq!(
            refusal("POLYGON ((0 0, 1 0, 0 0))"),
            "a ring needs 3 corners, this one has 2"
        );
        assert_eq!(
            refusal("POLYGON ((0 0, 1 x, 0 0))"),
            "'1 x' is not a corner: two numbers, 'lon lat'"
        );
        assert_eq!(
            refusal("POLYGON ((0 0, 1 0, 1 1, 0 0)"),
            "the parentheses are not balanced"
        );
        assert_eq!(
            refusal("POLYGON (0 0, 1 0, 1 1, 0 0)"),
            "'0' is not in a ring of 2 parentheses"
        );
        assert_eq!(
            refusal("POLYGON (((0 0, 1 0, 1 1, 0 0)))"),
            "more than 2 parentheses around a ring"
        );
        assert_eq!(refusal("POLYGON ()"), "there is no ring");
        assert_eq!(refusal(""), "'' is not a corner: two numbers, 'lon lat'");
        assert_eq!(
            refusal("0 0, 1 0, 1e999 1"),
            "'1e999 1' is not a corner: two numbers, 'lon lat'"
        );
    }
}
