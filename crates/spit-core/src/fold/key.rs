//! 64-bit keys of strings: SipHash-1-3 under a fixed key.
//!
//! The key is fixed so that saved state and shared state mean the same everywhere; it is no secret. What an
//! attacker who knows it can reach is two identities of his own that share a key (2^32 tries), not somebody
//! else's. The index of the slab hashes once more under a random seed, so chosen keys cannot flood it.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// "spit-fol" and "d-key-v1" in ASCII. Changing them invalidates every saved state.
const KEY_0: u64 = 0x7370_6974_2d66_6f6c;
const KEY_1: u64 = 0x642d_6b65_792d_7631;

/// Keeps keys of keys apart from keys of strings.
const JOINED: u64 = 0x6a6f_696e;

/// What a hash of 0 becomes, because key 0 means "no key".
const REMAPPED_ZERO: u64 = 1;

/// The key of `text`; `salt` keeps the keys of different columns apart. Never 0.
pub fn hash_key(text: &str, salt: u64) -> u64 {
    nonzero(SipHasher13::new_with_keys(KEY_0, KEY_1 ^ salt).hash(text.as_bytes()))
}

/// [`hash_key`] of the text that these make together.
pub fn hash_parts(parts: &[&str], salt: u64) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(KEY_0, KEY_1 ^ salt);
    for part in parts {
        hasher.write(part.as_bytes());
    }
    nonzero(hasher.finish())
}

/// The key of the ordered pair (`a`, `b`). Never 0.
///
/// The length of `a` is hashed first, so that ("1", "23") and ("12", "3") differ.
pub fn hash_pair(a: &str, b: &str, salt: u64) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(KEY_0, KEY_1 ^ salt);
    hasher.write(&(a.len() as u64).to_le_bytes());
    hasher.write(a.as_bytes());
    hasher.write(b.as_bytes());
    nonzero(hasher.finish())
}

/// The key of two keys in this order, cheaper than hashing their strings again. Never 0.
pub fn join_keys(a: u64, b: u64) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(KEY_0, KEY_1 ^ JOINED);
    hasher.write(&a.to_le_bytes());
    hasher.write(&b.to_le_bytes());
    nonzero(hasher.finish())
}

fn nonzero(hash: u64) -> u64 {
    if hash == 0 {
        REMAPPED_ZERO
    } else {
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_never_change() {
        // Saved state depends on these values. Computed once by an independent SipHash-1-3.
        assert_eq!(hash_key("+4930123456", 0), 11_826_719_708_346_065_681);
        assert_eq!(hash_parts(&["+4930", "", "123456"], 0), hash_key("+4930123456", 0));
        assert_eq!(hash_pair("+4930123456", "+4989654321", 0), 9_828_776_073_312_557_865);
    }

    #[test]
    fn salt_and_order_and_boundary_matter() {
        assert_ne!(hash_key("a", 0), hash_key("a", 1));
        assert_ne!(hash_pair("a", "b", 0), hash_pair("b", "a", 0));
        assert_ne!(hash_pair("1", "23", 0), hash_pair("12", "3", 0));
        assert_ne!(hash_pair("", "a", 0), hash_pair("a", "", 0));
    }

    #[test]
    fn keys_are_joined_in_order() {
        assert_ne!(join_keys(1, 2), join_keys(2, 1));
        assert_ne!(join_keys(1, 2), 0);
        assert_eq!(join_keys(1, 2), join_keys(1, 2));
    }

    #[test]
    fn zero_is_remapped() {
        assert_eq!(nonzero(0), REMAPPED_ZERO);
        assert_eq!(nonzero(7), 7);
    }
}
