//! Numbers that others abuse: strangers storm them with calls, and calls from them come from several sources.

use super::{blocks, check_rows, look_up};
use crate::fold::{FoldError, Pairs, Sums};
use crate::Micros;

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

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_S: f64 = 86_400.0;

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
