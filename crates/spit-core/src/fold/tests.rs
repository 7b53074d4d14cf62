use std::collections::HashMap;

use super::*;

const SECOND_US: i64 = 1_000_000;
const DAY_S: f64 = 86_400.0;

/// xorshift64*: enough randomness for a test, the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

/// Rows of a stream: keys (some 0), times that mostly advance, two contributions (often 0), update flags.
struct Stream {
    keys: Vec<u64>,
    times_us: Vec<i64>,
    values: Vec<f64>,
    update: Vec<bool>,
}

fn stream(seed: u64, rows: usize, keys: u64, step_us: u64) -> Stream {
    let mut random = Random(seed);
    let mut now = 1_700_000_000 * SECOND_US;
    let mut stream = Stream {
        keys: vec![],
        times_us: vec![],
        values: vec![],
        update: vec![],
    };
    for _ in 0..rows {
        now += random.below(step_us) as i64;
        let late = if random.below(8) == 0 {
            random.below(step_us * 4) as i64
        } else {
            0
        };
        stream.keys.push(random.below(keys + 1));
        stream.times_us.push(now - late);
        stream
            .values
            .extend([random.below(3) as f64, random.below(2) as f64 * 0.5]);
        stream.update.push(random.below(3) > 0);
    }
    stream
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-5 * (1.0 + a.abs().max(b.abs()))
}

fn sums(max_keys: usize) -> Sums {
    Sums::new(2, &[60.0, 3600.0], DAY_S, max_keys).unwrap()
}

#[test]
fn sums_read_before_they_update_and_decay() {
    let mut sums = sums(10);
    let answer = sums.fold(
        &[7, 7, 9],
        &[0, 60 * SECOND_US, 60 * SECOND_US],
        &[1.0, 2.0, 1.0, 0.0, 0.0, 1.0],
    );
    let answer = answer.unwrap();
    assert_eq!(answer[..4], [0.0; 4]);
    let expected = [
        (-1.0f64).exp(),
        2.0 * (-1.0f64).exp(),
        (-1.0f64 / 60.0).exp(),
        2.0 * (-1.0f64 / 60.0).exp(),
    ];
    assert!(answer[4..8].iter().zip(expected).all(|(&a, b)| close(a, b)));
    assert_eq!(answer[8..], [0.0; 4]);
}

#[test]
fn key_zero_is_nan_and_keeps_nothing() {
    let mut sums = sums(10);
    assert!(sums.fold(&[0], &[5], &[1.0, 1.0]).unwrap().iter().all(|v| v.is_nan()));
    let mut last = Last::new(1, DAY_S, 10).unwrap();
    assert!(last
        .fold(&[0, 0], &[5, 6], &[1.0, 1.0], &[true, true])
        .unwrap()
        .iter()
        .all(|v| v.is_nan()));
    assert_eq!((sums.counters().keys, last.counters().keys), (0, 0));
}

#[test]
fn rows_of_zeros_leave_no_trace() {
    let mut sums = sums(10);
    assert_eq!(sums.fold(&[7], &[0], &[0.0, 0.0]).unwrap(), [0.0; 4]);
    assert_eq!(sums.counters().keys, 0);
    sums.fold(&[7], &[0], &[1.0, 0.0]).unwrap();
    let before = sums.state();
    sums.fold(&[7], &[30 * SECOND_US], &[0.0, 0.0]).unwrap();
    assert_eq!(sums.state(), before);
}

#[test]
fn sums_do_not_depend_on_the_order_of_arrival() {
    let mut in_order = sums(10);
    let mut late = sums(10);
    in_order
        .fold(&[7, 7], &[0, 90 * SECOND_US], &[1.0, 0.5, 2.0, 0.0])
        .unwrap();
    late.fold(&[7, 7], &[90 * SECOND_US, 0], &[2.0, 0.0, 1.0, 0.5]).unwrap();
    let at = [120 * SECOND_US];
    let (a, b) = (in_order.read(&[7], &at).unwrap(), late.read(&[7], &at).unwrap());
    assert!(a.iter().zip(&b).all(|(&a, &b)| close(a, b)), "{a:?} {b:?}");
}

#[test]
fn a_reader_in_the_past_sees_the_state_undecayed() {
    let mut sums = sums(10);
    sums.fold(&[7], &[90 * SECOND_US], &[1.0, 3.0]).unwrap();
    assert_eq!(sums.read(&[7], &[10 * SECOND_US]).unwrap(), [1.0, 3.0, 1.0, 3.0]);
}

#[test]
fn idle_state_is_absent_from_the_first_microsecond_past_the_limit() {
    let idle_us = 86_400 * SECOND_US;
    let mut sums = sums(10);
    sums.fold(&[7], &[0], &[1.0, 0.0]).unwrap();
    assert!(sums.read(&[7], &[idle_us]).unwrap()[1 + 1] > 0.0);
    assert_eq!(sums.read(&[7], &[idle_us + 1]).unwrap(), [0.0; 4]);
    sums.fold(&[7], &[idle_us + 1], &[0.0, 1.0]).unwrap();
    assert_eq!(sums.read(&[7], &[idle_us + 1]).unwrap(), [0.0, 1.0, 0.0, 1.0]);
    assert_eq!(
        sums.counters(),
        Counters {
            keys: 1,
            evicted_idle: 1,
            evicted_full: 0
        }
    );
}

#[test]
fn a_key_is_not_frozen_by_a_clock_that_was_wrong() {
    let mut last = Last::new(0, DAY_S, 10).unwrap();
    let year_us = 365 * 86_400 * SECOND_US;
    last.fold(&[7], &[year_us], &[], &[true]).unwrap();
    assert!(last.fold(&[7], &[0], &[], &[true]).unwrap()[0].is_nan());
    assert_eq!(last.read(&[7], &[3 * SECOND_US]).unwrap(), [3.0]);
}

#[test]
fn the_cursor_frees_idle_keys() {
    let mut pairs = Pairs::new(10.0, 1000).unwrap();
    let old: Vec<u64> = (1..=600).collect();
    pairs.fold(&old, &[0; 600], &[true; 600]).unwrap();
    for _ in 0..310 {
        pairs.fold(&[9999], &[20 * SECOND_US], &[true]).unwrap();
    }
    assert_eq!(
        pairs.counters(),
        Counters {
            keys: 1,
            evicted_idle: 600,
            evicted_full: 0
        }
    );
    assert_eq!(pairs.read(&[9999, 5], &[21 * SECOND_US; 2]).unwrap()[0], 1.0);
}

#[test]
fn a_full_slab_lets_the_oldest_in_sight_go() {
    let mut last = Last::new(1, DAY_S, 4).unwrap();
    let times: Vec<i64> = [4, 2, 3, 5, 6].iter().map(|t| t * SECOND_US).collect();
    last.fold(&[1, 2, 3, 4, 5], &times, &[0.1, 0.2, 0.3, 0.4, 0.5], &[true; 5])
        .unwrap();
    assert_eq!(
        last.counters(),
        Counters {
            keys: 4,
            evicted_idle: 0,
            evicted_full: 1
        }
    );
    let answer = last.read(&[1, 2, 3, 4, 5], &[6 * SECOND_US; 5]).unwrap();
    assert_eq!(answer[..2], [2.0, 0.1]);
    assert!(answer[2].is_nan());
    assert_eq!(answer[4..], [3.0, 0.3, 1.0, 0.4, 0.0, 0.5]);
}

#[test]
fn memory_is_bounded_by_the_limit() {
    let mut sums = sums(50);
    let s = stream(3, 5000, 1_000_000, 2_000_000);
    sums.fold(&s.keys, &s.times_us, &s.values).unwrap();
    let counters = sums.counters();
    assert_eq!(counters.keys, 50);
    assert!(counters.evicted_full > 1000);
}

#[test]
fn last_keeps_the_later_update_and_reads_without() {
    let mut last = Last::new(1, DAY_S, 10).unwrap();
    let answer = last
        .fold(
            &[7; 4],
            &[10 * SECOND_US, 4 * SECOND_US, 12 * SECOND_US, 13 * SECOND_US],
            &[1.0, 2.0, 3.0, 4.0],
            &[true, true, false, true],
        )
        .unwrap();
    assert!(answer[0].is_nan() && answer[1].is_nan());
    assert_eq!(answer[2..], [0.0, 1.0, 2.0, 1.0, 3.0, 1.0]);
}

#[test]
fn corrupt_timestamps_do_not_overflow() {
    let times = [i64::MIN, i64::MAX, 0, i64::MIN, i64::MAX];
    let mut sums = sums(3);
    let answer = sums.fold(&[1; 5], &times, &[1.0; 10]).unwrap();
    assert!(answer.iter().all(|v| v.is_finite()));
    let mut pairs = Pairs::new(DAY_S, 3).unwrap();
    pairs.fold(&[1, 2, 3, 4, 1], &times, &[true; 5]).unwrap();
    assert!(pairs.counters().keys <= 3);
}

#[test]
fn wrong_input_is_refused_before_anything_changes() {
    let mut sums = sums(10);
    let error = sums
        .fold(&[1, 2], &[0, 0], &[1.0, 0.0, f64::NAN, 0.0])
        .unwrap_err()
        .to_string();
    assert!(error.contains("row 1, column 0") && error.contains("NaN"), "{error}");
    assert!(sums
        .fold(&[1], &[0], &[1.0])
        .unwrap_err()
        .to_string()
        .contains("expected 2 values"));
    assert!(sums
        .fold(&[1], &[], &[1.0, 1.0])
        .unwrap_err()
        .to_string()
        .contains("times_us"));
    assert_eq!(sums.counters().keys, 0);
    assert!(Sums::new(0, &[1.0], 1.0, 1).is_err());
    assert!(Sums::new(1, &[-1.0], 1.0, 1).is_err());
    assert!(Sums::new(1, &[1.0], f64::NAN, 1).is_err());
    assert!(Last::new(1, 1.0, 0).is_err());
}

/// The plainest possible definition: a map, no slots, no sweep; time never goes back.
#[test]
fn sums_equal_the_plain_definition() {
    let s = stream(11, 4000, 40, 400 * SECOND_US as u64);
    let mut times_us = s.times_us.clone();
    times_us.sort_unstable();
    let mut sums = Sums::new(2, &[600.0], 3600.0, 1000).unwrap();
    let answer = sums.fold(&s.keys, &times_us, &s.values).unwrap();
    let mut plain: HashMap<u64, (i64, [f64; 2])> = HashMap::new();
    let mut idle = 0;
    for (i, (&key, &time_us)) in s.keys.iter().zip(&times_us).enumerate() {
        let found = &answer[i * 2..i * 2 + 2];
        if key == 0 {
            assert!(found.iter().all(|v| v.is_nan()));
            continue;
        }
        let mut known = plain.get(&key).copied();
        if known.is_some_and(|(last_us, _)| time_us - last_us > 3600 * SECOND_US) {
            known = None;
            idle += 1;
        }
        let (last_us, row) = known.unwrap_or((time_us, [0.0; 2]));
        let factor = (-((time_us - last_us) as f64) / 600e6).exp();
        let row = row.map(|v| v * factor);
        assert!(
            row.iter().zip(found).all(|(&a, &b)| close(a, b)),
            "row {i}: {row:?} {found:?}"
        );
        let added = &s.values[i * 2..i * 2 + 2];
        if added.iter().any(|&c| c != 0.0) {
            plain.insert(key, (time_us, [row[0] + added[0], row[1] + added[1]]));
        }
    }
    assert!(idle > 100, "the stream must exercise idling: {idle}");
}

/// Batch cuts, and saving and restoring between the batches, change no bit of the answers.
#[test]
fn neither_batch_cuts_nor_restoring_change_anything() {
    for (max_keys, step_us) in [(10_000, 50_000), (300, 50_000), (300, 60_000_000)] {
        let s = stream(max_keys as u64 + step_us, 6000, 900, step_us);
        let mut whole = (
            Sums::new(2, &[60.0, 600.0], 3600.0, max_keys).unwrap(),
            Last::new(2, 3600.0, max_keys).unwrap(),
            Pairs::new(3600.0, max_keys).unwrap(),
        );
        let expected = (
            whole.0.fold(&s.keys, &s.times_us, &s.values).unwrap(),
            whole.1.fold(&s.keys, &s.times_us, &s.values, &s.update).unwrap(),
            whole.2.fold(&s.keys, &s.times_us, &s.update).unwrap(),
        );
        for cut in [1, 7, 1000] {
            let fresh = || {
                (
                    Sums::new(2, &[60.0, 600.0], 3600.0, max_keys).unwrap(),
                    Last::new(2, 3600.0, max_keys).unwrap(),
                    Pairs::new(3600.0, max_keys).unwrap(),
                )
            };
            let mut parts = fresh();
            let mut found = (vec![], vec![], vec![]);
            for (batch, from) in (0..s.keys.len()).step_by(cut).enumerate() {
                let to = (from + cut).min(s.keys.len());
                let (keys, times, update) = (&s.keys[from..to], &s.times_us[from..to], &s.update[from..to]);
                let values = &s.values[from * 2..to * 2];
                found.0.extend(parts.0.fold(keys, times, values).unwrap());
                found.1.extend(parts.1.fold(keys, times, values, update).unwrap());
                found.2.extend(parts.2.fold(keys, times, update).unwrap());
                if batch % 997 == 3 {
                    let mut restored = fresh();
                    restored.0.restore(&parts.0.state()).unwrap();
                    restored.1.restore(&parts.1.state()).unwrap();
                    restored.2.restore(&parts.2.state()).unwrap();
                    parts = restored;
                }
            }
            assert_eq!(bits(&found.0), bits(&expected.0), "sums, cut {cut}");
            assert_eq!(bits(&found.1), bits(&expected.1), "last, cut {cut}");
            assert_eq!(bits(&found.2), bits(&expected.2), "pairs, cut {cut}");
            assert_eq!(parts.0.state(), whole.0.state());
            assert_eq!(parts.2.state(), whole.2.state());
        }
    }
}

#[test]
fn merging_two_halves_equals_folding_the_whole() {
    let s = stream(5, 3000, 100, 2 * SECOND_US as u64);
    let (mut a, mut b, mut whole) = (sums(1000), sums(1000), sums(1000));
    let (mut last_a, mut last_b) = (Last::new(2, DAY_S, 1000).unwrap(), Last::new(2, DAY_S, 1000).unwrap());
    let mut last_whole = last_a.clone();
    let all = vec![true; 1];
    for i in 0..s.keys.len() {
        let (keys, times, values) = (&s.keys[i..=i], &s.times_us[i..=i], &s.values[i * 2..i * 2 + 2]);
        let (sums, last) = if i % 3 == 0 {
            (&mut a, &mut last_a)
        } else {
            (&mut b, &mut last_b)
        };
        sums.fold(keys, times, values).unwrap();
        last.fold(keys, times, values, &all).unwrap();
        whole.fold(keys, times, values).unwrap();
        last_whole.fold(keys, times, values, &all).unwrap();
    }
    a.merge(&b).unwrap();
    last_a.merge(&last_b).unwrap();
    let keys: Vec<u64> = (1..=100).collect();
    let at = vec![s.times_us[s.times_us.len() - 1] + 5 * SECOND_US; keys.len()];
    let (merged, expected) = (a.read(&keys, &at).unwrap(), whole.read(&keys, &at).unwrap());
    assert!(expected.iter().filter(|&&v| v > 0.1).count() > 100);
    assert!(merged.iter().zip(&expected).all(|(&a, &b)| close(a, b)));
    let (merged, expected) = (last_a.read(&keys, &at).unwrap(), last_whole.read(&keys, &at).unwrap());
    // Ages agree; values too, where no two updates share a microsecond.
    assert!(merged.iter().zip(&expected).step_by(3).all(|(a, b)| a == b));
}

#[test]
fn merging_idle_state_keeps_the_later() {
    let (mut early, mut late) = (sums(10), sums(10));
    early.fold(&[7], &[0], &[1.0, 0.0]).unwrap();
    let at = 86_400 * SECOND_US + 1;
    late.fold(&[7], &[at], &[0.0, 1.0]).unwrap();
    let mut merged = early.clone();
    merged.merge(&late).unwrap();
    late.merge(&early).unwrap();
    assert_eq!(merged.read(&[7], &[at]).unwrap(), [0.0, 1.0, 0.0, 1.0]);
    assert_eq!(late.read(&[7], &[at]).unwrap(), [0.0, 1.0, 0.0, 1.0]);
}

#[test]
fn merging_or_restoring_other_parameters_is_refused() {
    let mut a = sums(10);
    let other = Sums::new(2, &[60.0], DAY_S, 10).unwrap();
    assert!(a
        .merge(&other)
        .unwrap_err()
        .to_string()
        .contains("time_constants_s=[60.0]"));
    let error = a.restore(&other.state()).unwrap_err().to_string();
    assert!(
        error.contains("expected sums") && error.contains("found sums"),
        "{error}"
    );
    let mut last = Last::new(2, DAY_S, 10).unwrap();
    assert!(last.restore(&a.state()).is_err());
    assert!(last.merge(&Last::new(1, DAY_S, 10).unwrap()).is_err());
}

#[test]
fn damaged_state_is_refused_and_changes_nothing() {
    let mut a = sums(10);
    a.fold(&[7, 8], &[0, 1], &[1.0; 4]).unwrap();
    let good = a.state();
    let damages: [fn(&mut State); 6] = [
        |state| state.keys[1] = 0,
        |state| state.keys[1] = 7,
        |state| state.values[5] = f64::NAN,
        |state| state.values.truncate(7),
        |state| state.times_us.push(4),
        |state| state.cursor = 3,
    ];
    for damage in damages {
        let mut state = good.clone();
        damage(&mut state);
        assert!(a.restore(&state).is_err());
        assert_eq!(a.state(), good);
    }
    assert!(sums(1).restore(&good).unwrap_err().to_string().contains("at most 1"));
    assert!(sums(20).restore(&good).is_ok(), "the limit may be raised");
}

#[test]
fn a_busy_key_settles_at_its_rate_times_the_window() {
    // 1,000 rows a second over 200 s. At a row the sum loses 5 and gains 1, and the f32 beside it is 32 away:
    // rounding to the nearest would leave it as it was for ever.
    let mut sums = Sums::new(1, &[1e5], DAY_S, 10).unwrap();
    let step_us = 1_000;
    let rows = 200_000_i64;
    let start = 5e8;
    sums.fold(&[7], &[0], &[start]).unwrap();
    let times_us: Vec<i64> = (1..=rows).map(|i| i * step_us).collect();
    let n = times_us.len();
    sums.fold(&vec![7; n], &times_us, &vec![1.0; n]).unwrap();
    let found = sums.read(&[7], &times_us[n - 1..]).unwrap()[0];
    let factor = (-(rows as f64) * 1e-3 / 1e5).exp();
    let expected = start * factor + 1e8 * (1.0 - factor);
    assert!((found - expected).abs() < 3e-5 * expected, "{found} {expected}");
}

#[test]
fn small_whole_numbers_stay_exact_and_a_million_rows_are_not_lost() {
    let mut sums = Sums::new(1, &[1e9], DAY_S, 10).unwrap();
    let n = 1000;
    sums.fold(&vec![7; n], &vec![0; n], &vec![3.0; n]).unwrap();
    assert_eq!(sums.read(&[7], &[0]).unwrap(), [3000.0]);
}

#[test]
fn chosen_columns_hold_what_the_full_table_holds() {
    let s = stream(3, 2000, 50, SECOND_US as u64);
    let chosen = [vec![1], vec![0, 1], vec![0]];
    let mut some = Sums::chosen(2, &[60.0, 600.0, DAY_S], &chosen, DAY_S, 1000).unwrap();
    let mut all = Sums::new(2, &[60.0, 600.0, DAY_S], DAY_S, 1000).unwrap();
    let found = some.fold(&s.keys, &s.times_us, &s.values).unwrap();
    let expected = all.fold(&s.keys, &s.times_us, &s.values).unwrap();
    for (found, expected) in found.chunks_exact(4).zip(expected.chunks_exact(6)) {
        let picked = [1, 2, 3, 4].map(|i| expected[i]);
        assert_eq!(bits(found), bits(&picked));
    }
    assert!(all.restore(&some.state()).is_err());
    assert!(all.merge(&some).is_err());
    assert!(Sums::chosen(2, &[60.0], &[vec![2]], DAY_S, 10).is_err());
    assert!(Sums::chosen(2, &[60.0], &[], DAY_S, 10).is_err());
}
