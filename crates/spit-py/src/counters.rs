//! Counters under the names that docs/counters.md explains.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use spit_core::call::TrackCounters;
use spit_core::counters::Counters;

/// What the decoder and the tracker have counted.
pub(crate) fn named(counters: &Counters, track: &TrackCounters) -> Vec<(&'static str, u64)> {
    let (decode, fragments, tcp) = (&counters.decode, &counters.fragments, &counters.tcp);
    vec![
        ("packets", decode.packets),
        ("bytes", decode.bytes),
        ("not_ip", decode.not_ip),
        ("tunnelled", decode.tunnelled),
        ("bad_tunnel", decode.bad_tunnel),
        ("too_deep", decode.too_deep),
        ("duplicates", decode.duplicates),
        ("icmp", decode.icmp),
        ("other_transport", decode.other_transport),
        ("keep_alives", decode.keep_alives),
        ("not_sip", decode.not_sip),
        ("messages", decode.messages),
        ("hep_packets", decode.hep_packets),
        ("hep_not_sip", decode.hep_not_sip),
        ("hep_bad", decode.hep_bad),
        ("hep_bad_key", decode.hep_bad_key),
        ("hep_bomb", decode.hep_bomb),
        ("hep_nested", decode.hep_nested),
        ("hep_time_replaced", decode.hep_time_replaced),
        ("fragments", fragments.fragments),
        ("fragments_reassembled", fragments.reassembled),
        ("fragments_expired", fragments.expired),
        ("fragments_evicted", fragments.evicted),
        ("fragments_rejected", fragments.rejected),
        ("tcp_segments", tcp.segments),
        ("tcp_retransmitted", tcp.retransmitted),
        ("tcp_conflicting", tcp.conflicting),
        ("tcp_gaps", tcp.gaps),
        ("tcp_restarted", tcp.restarted),
        ("tcp_not_sip", tcp.not_sip),
        ("tcp_streams_evicted", tcp.evicted),
        ("tcp_streams_idle", tcp.idle),
        ("tcp_junk_bytes", tcp.junk_bytes),
        ("ws_frames", tcp.ws_frames),
        ("ws_messages", tcp.ws_messages),
        ("ws_compressed", tcp.ws_compressed),
        ("ws_bad", tcp.ws_bad),
        ("attempts", track.attempts),
        ("calls_ended", track.ended),
        ("calls_censored", track.censored),
        ("calls_evicted", track.evicted),
        ("calls_crowded", track.crowded),
        ("legs_joined", track.joined_legs),
        ("messages_untrackable", track.untrackable),
        ("messages_unmatched", track.unmatched),
        ("passports", track.passports),
        ("passports_compact", track.passports_compact),
        ("passports_unreadable", track.passports_unreadable),
        ("passports_over_limit", track.passports_over_limit),
    ]
}

/// As `named`, for Python.
pub(crate) fn counters_by_name<'py>(
    py: Python<'py>,
    counters: &Counters,
    track: &TrackCounters,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in named(counters, track) {
        dict.set_item(name, value)?;
    }
    Ok(dict)
}
