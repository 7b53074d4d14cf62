use super::*;
use crate::fold::Place;

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

#[derive(Clone, Copy)]
struct Event {
    time_us: i64,
    is_attempt: bool,
    keys: Keys,
    /// What the event adds, and whether it counts.
    x: f64,
    counts: bool,
}

/// Few people, so that they meet again; some events late, some without a caller.
fn stream(seed: u64, count: usize) -> Vec<Event> {
    let mut random = Random(seed);
    let mut now = 1_700_000_000 * SECOND_US;
    let event = |_| {
        now += random.below(900) as i64 * SECOND_US;
        let (caller, callee) = (random.below(7), 1 + random.below(6));
        Event {
            time_us: now - if random.below(8) == 0 { 60 * SECOND_US } else { 0 },
            is_attempt: random.below(3) > 0,
            keys: Keys {
                caller,
                callee,
                contact: caller * 10 + callee,
                contact_reverse: callee * 10 + caller,
                ..Keys::default()
            },
            x: random.below(4) as f64,
            counts: random.below(5) > 0,
        }
    };
    (0..count).map(event).collect()
}

struct Primitives {
    contacts: Pairs,
    last: Last,
    sums: Sums,
}

impl Primitives {
    fn new(max_keys: usize) -> Self {
        Self {
            contacts: Pairs::new(DAY_S, max_keys).unwrap(),
            last: Last::new(1, DAY_S, max_keys).unwrap(),
            sums: Sums::new(2, &[600.0, DAY_S], DAY_S, max_keys).unwrap(),
        }
    }

    fn held(&mut self) -> Held<'_> {
        Held {
            pairs: vec![&mut self.contacts],
            lasts: vec![&mut self.last],
            sums: vec![&mut self.sums],
        }
    }

    fn seen(&self) -> Seen<'_> {
        Seen {
            pairs: vec![&self.contacts],
            lasts: vec![&self.last],
            sums: vec![&self.sums],
        }
    }

    fn states(&self) -> [crate::fold::State; 3] {
        [self.contacts.state(), self.last.state(), self.sums.state()]
    }
}

/// Columns of attempts: 0 x, 1 counts, 2 and 3 ages of the contact and its reverse, 4 a first contact, 5 the caller's
/// attempts, 6 fewer than 3, 7 and 8 the last's age and value. Columns of ends: 0 x, 1 counts, 2 the contact's age,
/// 3 the caller's attempts.
const X: usize = 0;
const COUNTS: usize = 1;

fn plan(sums: &Sums) -> Plan {
    let attempts = [
        Node::Input,
        Node::Input,
        Node::Input,
        Node::Input,
        Node::Not(9),
        Node::Input,
        Node::Less(5, 10),
        Node::Input,
        Node::Input,
    ];
    // Operands stand before: the two that the above names come first.
    let attempts = [
        &attempts[..4],
        &[
            Node::IsFinite(2),
            Node::Constant(3.0),
            Node::Input,
            Node::Input,
            Node::Input,
        ],
    ]
    .concat();
    let attempts = [&attempts[..], &[Node::Not(4), Node::Less(6, 5)]].concat();
    let ends = [Node::Input, Node::Input, Node::Input, Node::Input];
    let steps = vec![
        Step::Pairs(PairsStep {
            pairs: 0,
            key: |keys| keys.contact,
            reverse: Some((|keys| keys.contact_reverse, 3)),
            attempts: (Some(COUNTS), 2),
            ends: Some((None, 2)),
        }),
        Step::Sums(SumsStep::new(
            0,
            |keys| keys.caller,
            Some((|keys| keys.callee, vec![1, 2])),
            Added::new(Some(COUNTS), vec![Some(X), Some(9)]),
            Added::new(Some(COUNTS), vec![None, Some(X)]),
            Some(Every {
                column: 0,
                attempt: 6,
                end: 3,
            }),
        )),
        Step::Last(LastStep {
            last: 0,
            key: |keys| keys.caller,
            update: 10,
            values: vec![X],
            answers: vec![7, 8],
        }),
    ];
    let place = |matrix, column| Place { matrix, column };
    let capped = |place| Formula::Capped { x: place, cap: 1e9 };
    let formulas = (0..6)
        .map(|column| place(0, column))
        .chain((0..4).map(|column| place(1, column)));
    Plan::new(
        &attempts,
        &ends,
        steps,
        &[sums],
        formulas.map(capped).collect(),
        vec![2, 3, 7, 8],
    )
    .unwrap()
}

fn push(plan: &mut Plan, event: &Event) {
    let counts = f64::from(u8::from(event.counts));
    if event.is_attempt {
        let place = plan.push_attempt(event.time_us, event.keys);
        plan.put_attempt(X, place, event.x);
        plan.put_attempt(COUNTS, place, counts);
    } else {
        let place = plan.push_end(event.time_us, event.keys);
        plan.put_end(X, place, event.x);
        plan.put_end(COUNTS, place, counts);
    }
}

/// The same by the primitives themselves, event after event.
fn one_by_one(p: &mut Primitives, event: &Event, out: &mut Vec<f32>) {
    let (at, keys) = (event.time_us, &event.keys);
    let read = [p.contacts.read_one(keys.contact_reverse, at)];
    let age_s = p
        .contacts
        .fold_one(keys.contact, Hint::NONE, at, event.is_attempt && event.counts);
    let mut other = [0.0; 2];
    p.sums.read_columns(keys.callee, at, &[1, 2], &mut other);
    let mut own = [0.0; 4];
    let first = f64::from(u8::from(!age_s.is_finite()));
    let adds = match (event.counts, event.is_attempt) {
        (false, _) => [0.0; 2],
        (true, true) => [event.x, first],
        (true, false) => [0.0, event.x],
    };
    own.copy_from_slice(&p.sums.fold(&[keys.caller], &[at], &adds).unwrap());
    if event.is_attempt {
        let mut last = [0.0; 2];
        p.last
            .fold_one(keys.caller, Hint::NONE, at, &[event.x], own[0] < 3.0, &mut last);
        let row = own.iter().chain(&other).chain([&age_s]).chain(&read).chain(&last);
        out.extend(row.map(|&value| value.min(1e9) as f32));
    }
}

#[test]
fn a_plan_gives_what_one_event_after_another_would() {
    for (seed, max_keys) in [(3, 1000), (5, 4)] {
        let events = stream(seed, 1000);
        let mut alone = Primitives::new(max_keys);
        let mut expected = Vec::new();
        for event in &events {
            one_by_one(&mut alone, event, &mut expected);
        }
        for cut in [1, 7, MAX_ROWS] {
            let mut together = Primitives::new(max_keys);
            let mut plan = plan(&together.sums);
            let mut found = Vec::new();
            for part in events.chunks(cut) {
                part.iter().for_each(|event| push(&mut plan, event));
                plan.fold(&mut together.held(), &mut found).unwrap();
            }
            assert_eq!(found, expected, "{cut} at a time");
            assert_eq!(together.states(), alone.states(), "{cut} at a time");
        }
    }
}

#[test]
fn reading_tells_what_folding_would_and_changes_nothing() {
    let events = stream(9, 400);
    let mut primitives = Primitives::new(1000);
    let mut plan = plan(&primitives.sums);
    for event in &events {
        let before = primitives.states();
        let (mut read, mut folded) = (Vec::new(), Vec::new());
        if event.is_attempt {
            // Rows do not see each other.
            push(&mut plan, event);
            push(&mut plan, event);
            plan.read(&primitives.seen(), &mut read);
            assert_eq!(primitives.states(), before);
        }
        push(&mut plan, event);
        plan.fold(&mut primitives.held(), &mut folded).unwrap();
        assert_eq!(read, [folded.clone(), folded].concat());
    }
}

#[test]
fn what_is_no_number_is_refused_and_leaves_no_rows() {
    let mut primitives = Primitives::new(10);
    let mut plan = plan(&primitives.sums);
    for x in [f64::NAN, f64::INFINITY, 1e31] {
        let event = Event {
            x,
            counts: true,
            is_attempt: true,
            ..stream(1, 1)[0]
        };
        push(&mut plan, &event);
        let before = primitives.sums.state();
        assert!(plan.fold(&mut primitives.held(), &mut Vec::new()).is_err());
        assert_eq!(primitives.sums.state(), before);
        let mut out = Vec::new();
        plan.fold(&mut primitives.held(), &mut out).unwrap();
        assert!(out.is_empty());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let sums = Sums::new(1, &[60.0], DAY_S, 10).unwrap();
    let last = |update, answers: &[usize]| {
        Step::Last(LastStep {
            last: 0,
            key: |keys| keys.caller,
            update,
            values: vec![0],
            answers: answers.to_vec(),
        })
    };
    let summed = |sums, source, other: &[usize]| {
        Step::Sums(SumsStep::new(
            sums,
            |keys| keys.caller,
            Some((|keys| keys.callee, other.to_vec())),
            Added::new(None, vec![source]),
            Added::new(None, vec![None]),
            None,
        ))
    };
    let make = |steps| {
        let attempts = [Node::Input, Node::Input, Node::Input, Node::Not(1)];
        Plan::new(&attempts, &[], steps, &[&sums], Vec::new(), vec![1]).map(|_| ())
    };
    assert_eq!(make(vec![last(0, &[1, 2]), summed(0, Some(3), &[0])]), Ok(()));
    // An order in which what the first asks is not known before the second.
    assert!(make(vec![summed(0, Some(3), &[0]), last(0, &[1, 2])]).is_err());
    // A truth that is known only after the step, one that is none of the columns, and answers that are no inputs.
    for step in [last(3, &[1, 2]), last(4, &[1, 2]), last(0, &[1]), last(0, &[1, 3])] {
        assert!(make(vec![step]).is_err());
    }
    for step in [
        summed(1, Some(0), &[]),
        summed(0, Some(9), &[]),
        summed(0, Some(0), &[1]),
    ] {
        assert!(make(vec![step]).is_err());
    }
    assert!(Plan::new(&[Node::Input], &[], vec![], &[], Vec::new(), vec![1]).is_err());
    let formula = Formula::Count {
        x: Place { matrix: 0, column: 1 },
    };
    assert!(Plan::new(&[Node::Input], &[], vec![], &[], vec![formula], vec![0]).is_err());
}
