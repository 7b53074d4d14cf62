//! Runs a classic BPF program as the kernel does, for tests.

use crate::bpf::{
    Instruction, ADD_K, ADD_X, AND_K, JA, JEQ_K, JGE_K, JGT_K, LDX_IMM, LD_B_ABS, LD_B_IND, LD_H_ABS, LD_H_IND, LD_MEM,
    LD_W_ABS, LD_W_IND, LSH_K, RET_K, RSH_K, ST, TAX, TXA,
};

/// A frame and which way it goes (`PACKET_OUTGOING` is 4).
pub(super) struct Frame<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) packet_type: u32,
}

/// How many bytes of the frame the program keeps. A load behind the end of the frame drops it.
pub(super) fn run(program: &[Instruction], frame: &Frame<'_>) -> u32 {
    let (mut a, mut x) = (0u32, 0u32);
    // The kernel refuses programs that read memory before they write it.
    let mut memory = [None; 16];
    let mut at = 0;
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        let load = |offset: u64, size: u64| -> Option<u32> {
            if offset == 0xffff_f004 {
                return Some(frame.packet_type);
            }
            let bytes = frame.bytes.get(offset as usize..(offset + size) as usize)?;
            Some(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
        };
        let absolute = u64::from(k);
        let indirect = u64::from(x) + u64::from(k);
        let loaded = match code {
            LD_W_ABS => Some(load(absolute, 4)),
            LD_H_ABS => Some(load(absolute, 2)),
            LD_B_ABS => Some(load(absolute, 1)),
            LD_W_IND => Some(load(indirect, 4)),
            LD_H_IND => Some(load(indirect, 2)),
            LD_B_IND => Some(load(indirect, 1)),
            LD_MEM => Some(Some(memory[k as usize].expect("memory is written before it is read"))),
            _ => None,
        };
        match loaded {
            Some(Some(value)) => {
                a = value;
                continue;
            }
            Some(None) => return 0,
            None => {}
        }
        let compare = |holds: bool| usize::from(if holds { jt } else { jf });
        match code {
            LDX_IMM => x = k,
            ST => memory[k as usize] = Some(a),
            ADD_K => a = a.wrapping_add(k),
            ADD_X => a = a.wrapping_add(x),
            AND_K => a &= k,
            LSH_K => a <<= k,
            RSH_K => a >>= k,
            TAX => x = a,
            TXA => a = x,
            JA => at += k as usize,
            JEQ_K => at += compare(a == k),
            JGT_K => at += compare(a > k),
            JGE_K => at += compare(a >= k),
            RET_K => return k,
            _ => panic!("instruction {code:#x} is not one of ours"),
        }
    }
}
