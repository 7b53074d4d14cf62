//! Classic BPF: instructions, and an assembler with labels (Linux `Documentation/networking/filter.rst`).

/// One instruction, laid out as the kernel's `struct sock_filter`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instruction {
    /// Class, size and mode.
    pub code: u16,
    /// Instructions to skip when a comparison holds.
    pub jt: u8,
    /// Instructions to skip when it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

pub(crate) const LD_W_ABS: u16 = 0x20;
pub(crate) const LD_H_ABS: u16 = 0x28;
pub(crate) const LD_B_ABS: u16 = 0x30;
pub(crate) const LD_W_IND: u16 = 0x40;
pub(crate) const LD_H_IND: u16 = 0x48;
pub(crate) const LD_B_IND: u16 = 0x50;
pub(crate) const LD_MEM: u16 = 0x60;
pub(crate) const LDX_IMM: u16 = 0x01;
pub(crate) const ST: u16 = 0x02;
pub(crate) const ADD_K: u16 = 0x04;
pub(crate) const ADD_X: u16 = 0x0c;
pub(crate) const AND_K: u16 = 0x54;
pub(crate) const LSH_K: u16 = 0x64;
pub(crate) const RSH_K: u16 = 0x74;
pub(crate) const JA: u16 = 0x05;
pub(crate) const JEQ_K: u16 = 0x15;
pub(crate) const JGT_K: u16 = 0x25;
pub(crate) const JGE_K: u16 = 0x35;
pub(crate) const RET_K: u16 = 0x06;
pub(crate) const TAX: u16 = 0x07;
pub(crate) const TXA: u16 = 0x87;

/// A place that jumps name before it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Label(usize);

enum Item {
    Plain(Instruction),
    /// Goes to the label when the comparison answers `when`, else on.
    Branch {
        code: u16,
        k: u32,
        when: bool,
        to: Label,
    },
    Goto(Label),
    Place(Label),
}

/// Collects instructions, then resolves the labels.
#[derive(Default)]
pub(crate) struct Assembler {
    items: Vec<Item>,
    labels: usize,
}

impl Assembler {
    pub(crate) fn label(&mut self) -> Label {
        self.labels += 1;
        Label(self.labels - 1)
    }

    /// The label stands here.
    pub(crate) fn place(&mut self, label: Label) {
        self.items.push(Item::Place(label));
    }

    pub(crate) fn op(&mut self, code: u16, k: u32) {
        self.items.push(Item::Plain(Instruction { code, jt: 0, jf: 0, k }));
    }

    pub(crate) fn jump_if(&mut self, code: u16, k: u32, to: Label) {
        self.items.push(Item::Branch {
            code,
            k,
            when: true,
            to,
        });
    }

    pub(crate) fn jump_unless(&mut self, code: u16, k: u32, to: Label) {
        self.items.push(Item::Branch {
            code,
            k,
            when: false,
            to,
        });
    }

    pub(crate) fn goto(&mut self, to: Label) {
        self.items.push(Item::Goto(to));
    }

    /// The program. A comparison reaches 255 instructions; one that must go further skips over a jump that can.
    pub(crate) fn assemble(&self) -> Vec<Instruction> {
        let mut far = vec![false; self.items.len()];
        loop {
            let places = self.places(&far);
            let mut grown = false;
            for (i, item) in self.items.iter().enumerate() {
                if let Item::Branch { to, .. } = item {
                    let distance = places.labels[to.0] - (places.items[i] + 1);
                    if distance > 255 && !far[i] {
                        far[i] = true;
                        grown = true;
                    }
                }
            }
            if !grown {
                return self.emit(&far, &places);
            }
        }
    }

    fn places(&self, far: &[bool]) -> Places {
        let mut places = Places {
            items: Vec::with_capacity(self.items.len()),
            labels: vec![0; self.labels],
        };
        let mut at = 0;
        for (item, far) in self.items.iter().zip(far) {
            places.items.push(at);
            match item {
                Item::Place(label) => places.labels[label.0] = at,
                Item::Branch { .. } if *far => at += 2,
                _ => at += 1,
            }
        }
        places
    }

    fn emit(&self, far: &[bool], places: &Places) -> Vec<Instruction> {
        let mut program = Vec::new();
        for (i, item) in self.items.iter().enumerate() {
            let after = places.items[i] + 1;
            match item {
                Item::Plain(instruction) => program.push(*instruction),
                Item::Place(_) => {}
                Item::Goto(to) => program.push(goto(places.labels[to.0] - after)),
                Item::Branch { code, k, when, to } => {
                    let distance = places.labels[to.0] - after;
                    // Where it is far, the one-instruction skip belongs to the other answer.
                    let (skip, taken) = if far[i] { (1, !when) } else { (distance as u8, *when) };
                    let (jt, jf) = if taken { (skip, 0) } else { (0, skip) };
                    program.push(Instruction {
                        code: *code,
                        jt,
                        jf,
                        k: *k,
                    });
                    if far[i] {
                        program.push(goto(distance - 1));
                    }
                }
            }
        }
        program
    }
}

/// Where items and labels come to stand. Classic BPF jumps only forward, so a label stands behind every jump to it.
struct Places {
    items: Vec<usize>,
    labels: Vec<usize>,
}

fn goto(distance: usize) -> Instruction {
    Instruction {
        code: JA,
        jt: 0,
        jf: 0,
        k: distance as u32,
    }
}
