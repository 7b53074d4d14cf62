//! What is known of the callers of attempts, of what attempts share, and of numbers that others abuse: read before
//! each attempt, counted with it, in one pass.
//!
//! Here are the folds alone, over sums that the caller of these functions owns; weights, bounds and thresholds are
//! arguments, and what score is made of the answers is not decided here (spit/model).

use crate::fold::{FoldError, Hint, Pairs, Sums, MAX_CONTRIBUTION};
use crate::Micros;

/// Rows whose keys are looked up before the first of them is counted: cache misses overlap.
const BLOCK_ROWS: usize = 64;

/// Contributions of an attempt to the sums of its caller and of its ties: a number, and 1 for itself.
const WIDTH: usize = 2;

/// The sums of callers: both contributions over hours, then both over days.
const CALLER_COLUMNS: usize = 4;

/// Sums of [`WIDTH`] contributions: those of callers under two time constants, those of each tie under one.
#[derive(Debug)]
#[allow(missing_docs, reason = "named as in the formula")]
pub struct Held<'a> {
    pub callers: &'a mut Sums,
    pub ties: Vec<&'a mut Sums>,
}

/// The same, to be read.
#[derive(Debug)]
#[allow(missing_docs, reason = "named as in the formula")]
pub struct Seen<'a> {
    pub callers: &'a Sums,
    pub ties: Vec<&'a Sums>,
}

/// n attempts: when, and the keys of the caller and of each tie, 0 where there is none.
#[derive(Debug)]
#[allow(missing_docs, reason = "named as in the formula")]
pub struct Attempts<'a> {
    pub times_us: &'a [Micros],
    pub callers: &'a [u64],
    pub ties: Vec<&'a [u64]>,
}

/// What each of n attempts adds.
#[derive(Debug)]
pub struct Added<'a> {
    /// To its caller.
    pub own: &'a [f64],
    /// To its ties.
    pub increments: &'a [f64],
    /// Whether it may count for its ties, if its caller is young.
    pub first_contact: &'a [bool],
    /// Whether it must not count against its caller.
    pub frozen: &'a [bool],
}

/// What decides on the way.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// A caller with a smaller count over days is young.
    pub young_attempts: f64,
    /// The ratio of a tie is its sum over 1 + this times its count.
    pub dependence: f64,
}

/// What was known before each attempt; 0 where nothing was.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Known {
    /// Of the caller: what its attempts added, over hours.
    pub total: Vec<f64>,
    /// How many they were, over hours.
    pub count: Vec<f64>,
    /// How many they were, over days.
    pub experience: Vec<f64>,
    /// The largest ratio of a tie.
    pub strongest: Vec<f64>,
    /// Which tie's, the first of equals.
    pub tie: Vec<i64>,
}

impl Known {
    fn nothing(rows: usize) -> Self {
        Self {
            total: vec![0.0; rows],
            count: vec![0.0; rows],
            experience: vec![0.0; rows],
            strongest: vec![0.0; rows],
            tie: vec![0; rows],
        }
    }

    fn put_caller(&mut self, row: usize, sums: &[f64; CALLER_COLUMNS]) {
        let &[total, count, _, experience] = sums;
        (self.total[row], self.count[row], self.experience[row]) = (total, count, experience);
    }

    fn put_tie(&mut self, row: usize, tie: usize, sums: &[f64; WIDTH], rules: Rules) {
        let ratio = sums[0] / (1.0 + rules.dependence * sums[1]);
        if tie == 0 || ratio > self.strongest[row] {
            (self.strongest[row], self.tie[row]) = (ratio, tie as i64);
        }
    }
}

/// Reads what is known before each attempt and counts it, as if they came one after another.
///
/// A caller's sums take every attempt that is not frozen; those of ties the first contacts of young callers.
/// Fails, and changes nothing, where lengths or widths do not fit, or a number is none within [`MAX_CONTRIBUTION`].
pub fn update(
    held: &mut Held<'_>,
    attempts: &Attempts<'_>,
    added: &Added<'_>,
    rules: Rules,
) -> Result<Known, FoldError> {
    let rows = attempts.check(held.callers, held.ties.iter().map(|sums| &**sums))?;
    check_numbers("own", rows, added.own)?;
    check_numbers("increments", rows, added.increments)?;
    check_rows("first_contact", rows, added.first_contact.len())?;
    check_rows("frozen", rows, added.frozen.len())?;
    let mut known = Known::nothing(rows);
    let mut hints = Vec::with_capacity(BLOCK_ROWS);
    for block in blocks(rows) {
        look_up(&mut hints, &attempts.callers[block.clone()], |key| {
            held.callers.look_up(key)
        });
        for (row, &hint) in block.clone().zip(&hints) {
            let (key, time_us, own) = (attempts.callers[row], attempts.times_us[row], added.own[row]);
            if key == 0 {
                continue;
            }
            let mut sums = [0.0; CALLER_COLUMNS];
            if added.frozen[row] {
                held.callers.read_at(key, hint, time_us, &mut sums);
            } else {
                held.callers
                    .fold_one(key, hint, time_us, &[own, 1.0, own, 1.0], &mut sums);
            }
            known.put_caller(row, &sums);
        }
        for (tie, (sums, keys)) in held.ties.iter_mut().zip(&attempts.ties).enumerate() {
            look_up(&mut hints, &keys[block.clone()], |key| sums.look_up(key));
            for (row, &hint) in block.clone().zip(&hints) {
                let (key, time_us) = (keys[row], attempts.times_us[row]);
                let mut of_tie = [0.0; WIDTH];
                if key != 0 {
                    if added.first_contact[row] && known.experience[row] < rules.young_attempts {
                        sums.fold_one(key, hint, time_us, &[added.increments[row], 1.0], &mut of_tie);
                    } else {
                        sums.read_at(key, hint, time_us, &mut of_tie);
                    }
                }
                known.put_tie(row, tie, &of_tie, rules);
            }
        }
    }
    Ok(known)
}

/// As [`update`], and counts nothing.
pub fn read(seen: &Seen<'_>, attempts: &Attempts<'_>, rules: Rules) -> Result<Known, FoldError> {
    let rows = attempts.check(seen.callers, seen.ties.iter().copied())?;
    let mut known = Known::nothing(rows);
    for row in 0..rows {
        let time_us = attempts.times_us[row];
        let mut sums = [0.0; CALLER_COLUMNS];
        if attempts.callers[row] != 0 {
            seen.callers.read_one(attempts.callers[row], time_us, &mut sums);
        }
        known.put_caller(row, &sums);
        for (tie, (sums, keys)) in seen.ties.iter().zip(&attempts.ties).enumerate() {
            let mut of_tie = [0.0; WIDTH];
            if keys[row] != 0 {
                sums.read_one(keys[row], time_us, &mut of_tie);
            }
            known.put_tie(row, tie, &of_tie, rules);
        }
    }
    Ok(known)
}

impl Attempts<'_> {
    /// How many there are. Fails where they do not fit each other or the sums.
    fn check<'a>(&self, callers: &Sums, ties: impl ExactSizeIterator<Item = &'a Sums>) -> Result<usize, FoldError> {
        let rows = self.times_us.len();
        check_rows("callers", rows, self.callers.len())?;
        check_rows("ties", ties.len(), self.ties.len())?;
        for keys in &self.ties {
            check_rows("keys of a tie", rows, keys.len())?;
        }
        check_sums("callers", callers, CALLER_COLUMNS)?;
        for sums in ties {
            check_sums("a tie", sums, WIDTH)?;
        }
        Ok(rows)
    }
}

/// Sums of one contribution each, and pairs of a caller and a source.
#[derive(Debug)]
#[allow(missing_docs, reason = "named as in spit/model/spoofing.py")]
pub struct Watched<'a> {
    pub sources: &'a mut Pairs,
    pub source_counts: &'a mut Sums,
    pub inbound: &'a mut Sums,
}

/// n attempts: when, the keys of who calls, who is called, and of caller and source; whether they are strangers.
#[derive(Debug)]
#[allow(missing_docs, reason = "named as in spit/model/spoofing.py")]
pub struct Shown<'a> {
    pub times_us: &'a [Micros],
    pub callers: &'a [u64],
    pub callees: &'a [u64],
    pub sources: &'a [u64],
    pub strangers: &'a [bool],
}

/// From which counts on a number is one that others abuse.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "named as in spit/model/spoofing.py")]
pub struct VictimRules {
    pub storm_calls: f64,
    pub several_sources: f64,
}

/// Whether each attempt shows the number of a victim, as if they came one after another; counts the attempts.
///
/// Fails, and changes nothing, where lengths or widths do not fit.
pub fn find_victims(watched: &mut Watched<'_>, shown: &Shown<'_>, rules: VictimRules) -> Result<Vec<bool>, FoldError> {
    let rows = shown.times_us.len();
    check_rows("callers", rows, shown.callers.len())?;
    check_rows("callees", rows, shown.callees.len())?;
    check_rows("sources", rows, shown.sources.len())?;
    check_rows("strangers", rows, shown.strangers.len())?;
    for sums in [&*watched.source_counts, &*watched.inbound] {
        if (sums.width(), sums.stride()) != (1, 1) {
            return Err(FoldError::new(
                "sums: expected one contribution in one column, found others",
            ));
        }
    }
    let Watched {
        sources,
        source_counts,
        inbound,
    } = watched;
    let mut victims = Vec::with_capacity(rows);
    let (mut of_sources, mut of_counts) = (Vec::new(), Vec::new());
    let (mut of_callers, mut of_callees) = (Vec::new(), Vec::new());
    for block in blocks(rows) {
        let (callers, callees) = (&shown.callers[block.clone()], &shown.callees[block.clone()]);
        look_up(&mut of_sources, &shown.sources[block.clone()], |key| {
            sources.look_up(key)
        });
        look_up(&mut of_counts, callers, |key| source_counts.look_up(key));
        look_up(&mut of_callers, callers, |key| inbound.look_up(key));
        look_up(&mut of_callees, callees, |key| inbound.look_up(key));
        for (i, row) in block.enumerate() {
            let (caller, callee, time_us) = (callers[i], callees[i], shown.times_us[row]);
            let pair = shown.sources[row];
            let age_s = sources.fold_one(pair, of_sources[i], time_us, true);
            let is_new = pair != 0 && age_s.is_nan();
            let (mut several, mut received, mut unread) = ([0.0], [0.0], [0.0]);
            if is_new {
                source_counts.fold_one(caller, of_counts[i], time_us, &[1.0], &mut several);
            } else {
                source_counts.read_at(caller, of_counts[i], time_us, &mut several);
            }
            // Read what the caller received, then count what the callee receives.
            inbound.read_at(caller, of_callers[i], time_us, &mut received);
            if shown.strangers[row] {
                inbound.fold_one(callee, of_callees[i], time_us, &[1.0], &mut unread);
            }
            let known = if several[0].is_nan() { 0.0 } else { several[0] };
            let count = known + f64::from(u8::from(is_new));
            victims.push(received[0] >= rules.storm_calls && count >= rules.several_sources);
        }
    }
    Ok(victims)
}

fn blocks(rows: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..rows)
        .step_by(BLOCK_ROWS)
        .map(move |start| start..rows.min(start + BLOCK_ROWS))
}

fn look_up(hints: &mut Vec<Hint>, keys: &[u64], find: impl Fn(u64) -> Hint) {
    hints.clear();
    hints.extend(keys.iter().map(|&key| find(key)));
}

fn check_rows(name: &str, expected: usize, found: usize) -> Result<(), FoldError> {
    if expected == found {
        return Ok(());
    }
    Err(FoldError::new(format!("{name}: expected {expected}, found {found}")))
}

fn check_sums(name: &str, sums: &Sums, columns: usize) -> Result<(), FoldError> {
    if (sums.width(), sums.stride()) == (WIDTH, columns) {
        return Ok(());
    }
    Err(FoldError::new(format!(
        "sums of {name}: expected {WIDTH} contributions in {columns} columns, found {} in {}",
        sums.width(),
        sums.stride()
    )))
}

fn check_numbers(name: &str, rows: usize, numbers: &[f64]) -> Result<(), FoldError> {
    check_rows(name, rows, numbers.len())?;
    let misfits = |number: &&f64| number.is_nan() || number.abs() > MAX_CONTRIBUTION;
    match numbers.iter().find(misfits) {
        None => Ok(()),
        Some(wrong) => Err(FoldError::new(format!(
            "{name}: expected numbers within {MAX_CONTRIBUTION:e}, found {wrong}"
        ))),
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_storm_and_a_second_source_make_a_victim() {
        let mut sources = Pairs::new(DAY_S, 100).unwrap();
        let [mut source_counts, mut inbound] = [DAY_S, 3600.0].map(|s| Sums::new(1, &[s], DAY_S, 100).unwrap());
        let mut watched = Watched {
            sources: &mut sources,
            source_counts: &mut source_counts,
            inbound: &mut inbound,
        };
        // The victim, 1, calls from two sources; then 15 strangers call it, and it calls again.
        let calls = [(1, 90, 11), (1, 91, 12)]
            .into_iter()
            .chain((0..15).map(|i| (20 + i, 1, 0)))
            .chain([(1, 92, 12), (2, 93, 13)]);
        let (mut callers, mut callees, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
        for (caller, callee, pair) in calls {
            callers.push(caller);
            callees.push(callee);
            pairs.push(pair);
        }
        let times_us: Vec<_> = (0..callers.len() as i64).map(|i| i * 1_000_000).collect();
        let rules = VictimRules {
            storm_calls: 12.0,
            several_sources: 1.5,
        };
        let mut shown = Shown {
            times_us: &times_us,
            callers: &callers,
            callees: &callees,
            sources: &pairs,
            strangers: &vec![true; callers.len()],
        };
        let victims = find_victims(&mut watched, &shown, rules).unwrap();
        let found: Vec<_> = (0..victims.len()).filter(|&row| victims[row]).collect();
        assert_eq!(found, [17]);
        shown.sources = &pairs[1..];
        assert!(find_victims(&mut watched, &shown, rules).is_err());
    }
}
