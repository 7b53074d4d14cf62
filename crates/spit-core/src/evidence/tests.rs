use super::*;

const DAY_S: f64 = 86_400.0;
const RULES: Rules = Rules {
    young_attempts: 2.0,
    dependence: 0.05,
};

struct Row {
    time_us: Micros,
    caller: u64,
    ties: [u64; 2],
    own: f64,
    increment: f64,
    first_contact: bool,
    frozen: bool,
}

/// Few callers and ties, so that they meet again; some late, some without a key.
fn stream(count: u64) -> Vec<Row> {
    let mut state = 7_u64;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 33) % bound
    };
    let row = |i: u64| Row {
        time_us: (i as i64 * 600 - below(2) as i64 * 900) * 1_000_000,
        caller: below(9),
        ties: [below(4), below(3)],
        own: below(13) as f64 - 6.0,
        increment: below(5) as f64 - 2.0,
        first_contact: below(3) > 0,
        frozen: below(5) == 0,
    };
    (0..count).map(row).collect()
}

struct Sets {
    callers: Sums,
    ties: [Sums; 2],
}

impl Sets {
    fn new() -> Self {
        let tie = || Sums::new(2, &[3600.0], DAY_S, 1000).unwrap();
        Self {
            callers: Sums::new(2, &[21_600.0, 7.0 * DAY_S], 7.0 * DAY_S, 1000).unwrap(),
            ties: [tie(), tie()],
        }
    }

    fn update(&mut self, rows: &[Row]) -> Known {
        let columns = Columns::of(rows);
        let mut held = Held {
            callers: &mut self.callers,
            ties: self.ties.iter_mut().collect(),
        };
        update(&mut held, &columns.attempts(), &columns.added(), RULES).unwrap()
    }
}

struct Columns {
    times_us: Vec<i64>,
    callers: Vec<u64>,
    ties: [Vec<u64>; 2],
    own: Vec<f64>,
    increments: Vec<f64>,
    first_contact: Vec<bool>,
    frozen: Vec<bool>,
}

impl Columns {
    fn of(rows: &[Row]) -> Self {
        Self {
            times_us: rows.iter().map(|row| row.time_us).collect(),
            callers: rows.iter().map(|row| row.caller).collect(),
            ties: [0, 1].map(|tie: usize| rows.iter().map(|row| row.ties[tie]).collect()),
            own: rows.iter().map(|row| row.own).collect(),
            increments: rows.iter().map(|row| row.increment).collect(),
            first_contact: rows.iter().map(|row| row.first_contact).collect(),
            frozen: rows.iter().map(|row| row.frozen).collect(),
        }
    }

    fn attempts(&self) -> Attempts<'_> {
        Attempts {
            times_us: &self.times_us,
            callers: &self.callers,
            ties: self.ties.iter().map(Vec::as_slice).collect(),
        }
    }

    fn added(&self) -> Added<'_> {
        Added {
            own: &self.own,
            increments: &self.increments,
            first_contact: &self.first_contact,
            frozen: &self.frozen,
        }
    }
}

/// The same by the sums themselves, row after row.
fn one_by_one(sets: &mut Sets, row: &Row, out: &mut Known) {
    let time_us = [row.time_us];
    let known = |values: Vec<f64>| {
        values
            .into_iter()
            .map(|x| if x.is_nan() { 0.0 } else { x })
            .collect::<Vec<_>>()
    };
    let counted = if row.frozen { [0.0; 2] } else { [row.own, 1.0] };
    let caller = known(sets.callers.fold(&[row.caller], &time_us, &counted).unwrap());
    let feeds = row.first_contact && caller[3] < RULES.young_attempts;
    let counted = if feeds { [row.increment, 1.0] } else { [0.0; 2] };
    let ratios: Vec<_> = sets
        .ties
        .iter_mut()
        .zip(row.ties)
        .map(|(sums, key)| known(sums.fold(&[key], &time_us, &counted).unwrap()))
        .map(|sums| sums[0] / (1.0 + RULES.dependence * sums[1]))
        .collect();
    let tie = usize::from(ratios[1] > ratios[0]);
    out.total.push(caller[0]);
    out.count.push(caller[1]);
    out.experience.push(caller[3]);
    out.strongest.push(ratios[tie]);
    out.tie.push(tie as i64);
}

#[test]
fn one_pass_gives_what_one_attempt_after_another_would() {
    let rows = stream(500);
    let mut expected = Known::default();
    let mut alone = Sets::new();
    rows.iter().for_each(|row| one_by_one(&mut alone, row, &mut expected));
    assert!(expected.tie.contains(&1) && expected.strongest.iter().any(|&ratio| ratio > 1.0));
    for cut in [1, 7, 500] {
        let mut sets = Sets::new();
        let mut found = Known::default();
        for part in rows.chunks(cut) {
            let known = sets.update(part);
            found.total.extend(known.total);
            found.count.extend(known.count);
            found.experience.extend(known.experience);
            found.strongest.extend(known.strongest);
            found.tie.extend(known.tie);
        }
        assert_eq!(found, expected, "{cut} at a time");
        assert_eq!(sets.callers.state(), alone.callers.state());
        assert_eq!(
            sets.ties.each_ref().map(Sums::state),
            alone.ties.each_ref().map(Sums::state)
        );
    }
}

#[test]
fn reading_tells_what_counting_would_and_changes_nothing() {
    let mut sets = Sets::new();
    for row in stream(200) {
        let columns = Columns::of(std::slice::from_ref(&row));
        let seen = Seen {
            callers: &sets.callers,
            ties: sets.ties.iter().collect(),
        };
        let told = read(&seen, &columns.attempts(), RULES).unwrap();
        assert_eq!(told, sets.update(&[row]));
    }
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let rows = stream(3);
    let mut sets = Sets::new();
    let mut wrong = Columns::of(&rows);
    wrong.own[1] = f64::NAN;
    let mut short = Columns::of(&rows);
    short.ties[1].pop();
    for columns in [wrong, short] {
        let mut held = Held {
            callers: &mut sets.callers,
            ties: sets.ties.iter_mut().collect(),
        };
        assert!(update(&mut held, &columns.attempts(), &columns.added(), RULES).is_err());
    }
    assert_eq!(sets.callers.state(), Sets::new().callers.state());
}
