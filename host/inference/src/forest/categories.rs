//! Categories of the rows of a block: for each category that a forest knows, the rows that have it.

use std::collections::{BTreeMap, HashSet};

use super::arithmetic::Arithmetic;
use super::columns::FeatureColumn;
use super::ranks::Lane;
use super::tree::{Split, Tree, in_words};

/// Categories below this are found in a table, others by a search.
const TABLE: usize = 1 << 16;

/// Lanes of all features together: what has more categories is walked.
const MOST_LANES: usize = 1 << 14;

/// The categories of a feature that any split names.
#[derive(Debug)]
struct Known {
    feature: usize,
    sorted: Vec<u32>,
    /// For a category its place in `sorted` plus one, or zero.
    table: Vec<u32>,
    /// The lane of the rows that have none of them; those of the categories follow.
    first: usize,
}

/// A split by category as the lanes that are its set.
#[derive(Debug)]
pub(super) struct Set {
    lanes: Vec<u32>,
    /// The lanes are those of all other categories.
    others: bool,
}

/// All categories that the splits of a forest name, but those of features that have too many.
#[derive(Debug)]
pub(super) struct Categories {
    features: Vec<Known>,
    lanes: usize,
}

fn members(words: &[u32]) -> impl Iterator<Item = u32> {
    words.iter().zip(0_u32..).flat_map(|(word, index)| {
        (0..u32::BITS)
            .filter(move |bit| word >> bit & 1 == 1)
            .map(move |bit| index * u32::BITS + bit)
    })
}

impl Categories {
    pub fn new(trees: &[Tree]) -> Self {
        // `None` for a feature that has too many categories.
        let mut found: BTreeMap<usize, Option<Vec<u32>>> = BTreeMap::new();
        for tree in trees {
            let mut seen = HashSet::new();
            for node in &tree.nodes {
                let Split::Category { words } = &node.split else {
                    continue;
                };
                let known = found
                    .entry(node.feature)
                    .or_insert_with(|| Some(Vec::new()));
                if let Some(categories) = known
                    && seen.insert((node.feature, words))
                {
                    categories.extend(members(&tree.category_words[words.clone()]));
                    if categories.len() > MOST_LANES {
                        categories.sort_unstable();
                        categories.dedup();
                    }
                    if categories.len() > MOST_LANES {
                        *known = None;
                    }
                }
            }
        }
        let (mut features, mut lanes) = (Vec::new(), 0);
        for (feature, known) in found {
            let Some(mut sorted) = known else { continue };
            sorted.sort_unstable();
            sorted.dedup();
            if lanes + sorted.len() >= MOST_LANES {
                continue;
            }
            let in_table = sorted.partition_point(|category| (*category as usize) < TABLE);
            let most = sorted[..in_table]
                .last()
                .map_or(0, |most| *most as usize + 1);
            let mut table = vec![0; most];
            for (category, place) in sorted[..in_table].iter().zip(1..) {
                table[*category as usize] = place;
            }
            let first = lanes;
            lanes += sorted.len() + 1;
            features.push(Known {
                feature,
                sorted,
                table,
                first,
            });
        }
        Self { features, lanes }
    }

    /// How many lanes there are.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// A split's set of lanes; `None` where the feature has too many categories.
    pub fn set(&self, feature: usize, words: &[u32]) -> Option<Set> {
        let known = self
            .features
            .iter()
            .find(|known| known.feature == feature)?;
        let mut lanes: Vec<u32> = members(words)
            .filter_map(|category| known.sorted.binary_search(&category).ok())
            .map(|place| (known.first + 1 + place) as u32)
            .collect();
        let others = lanes.len() > known.sorted.len() / 2;
        if others {
            let all = known.first..=known.first + known.sorted.len();
            lanes = all
                .map(|lane| lane as u32)
                .filter(|lane| lanes.binary_search(lane).is_err())
                .collect();
        }
        Some(Set { lanes, others })
    }

    /// The place of a feature among those that categories are asked of, and how many numbers they have;
    /// `None` where it has too many categories.
    pub fn feature(&self, feature: usize) -> Option<(usize, usize)> {
        let place = self
            .features
            .iter()
            .position(|known| known.feature == feature)?;
        Some((place, self.features[place].sorted.len() + 1))
    }

    /// Whether a category of a feature, by its number, is in the set of these words.
    pub fn is_in(&self, place: usize, number: usize, words: &[u32]) -> bool {
        let category = number
            .checked_sub(1)
            .and_then(|number| self.features[place].sorted.get(number));
        category.is_some_and(|category| in_words(words, *category))
    }

    /// The number of a row's category in each feature: 0 is none that is known.
    pub fn numbers<A: Arithmetic>(
        &self,
        columns: &[FeatureColumn<'_>],
        row: usize,
        numbers: &mut [u32],
    ) {
        for (known, number) in self.features.iter().zip(numbers) {
            let mut value = [0.0];
            columns[known.feature].read::<A>(row, &mut value);
            *number = known.place::<A>(value[0]) as u32;
        }
    }

    /// How many features are asked for their category.
    pub fn features(&self) -> usize {
        self.features.len()
    }

    /// Which rows have which category, for `rows` rows from `start` on.
    #[inline(always)]
    pub fn read<A: Arithmetic, const ROWS: usize>(
        &self,
        columns: &[FeatureColumn<'_>],
        start: usize,
        rows: usize,
        lanes: &mut [Lane<ROWS>],
    ) {
        if self.features.is_empty() {
            return;
        }
        lanes.iter_mut().for_each(|lane| lane.0 = [0; ROWS]);
        let mut values = [0.0; ROWS];
        for known in &self.features {
            columns[known.feature].read::<A>(start, &mut values[..rows]);
            for (row, value) in values[..rows].iter().enumerate() {
                lanes[known.first + known.place::<A>(*value)].0[row] = u8::MAX;
            }
        }
    }
}

impl Known {
    /// The place of a value's category among the lanes of the feature.
    #[inline(always)]
    fn place<A: Arithmetic>(&self, value: f64) -> usize {
        let Some(category) = A::category(value) else {
            return 0;
        };
        match self.table.get(category as usize) {
            Some(place) => *place as usize,
            None => self.search(category),
        }
    }

    #[cold]
    fn search(&self, category: u32) -> usize {
        self.sorted
            .binary_search(&category)
            .map_or(0, |place| place + 1)
    }
}

impl Set {
    /// Marks the rows that are in the set, or those that are not.
    #[inline(always)]
    pub fn mark<const ROWS: usize>(
        &self,
        within: bool,
        categories: &[Lane<ROWS>],
        into: &mut Lane<ROWS>,
    ) {
        let start = if within == self.others { u8::MAX } else { 0 };
        let mut marked = [start; ROWS];
        for lane in &self.lanes {
            for (marked, member) in marked.iter_mut().zip(&categories[*lane as usize].0) {
                *marked ^= *member;
            }
        }
        into.0 = marked;
    }
}
