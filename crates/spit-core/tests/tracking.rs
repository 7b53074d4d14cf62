//! The tracking rules, each a test. The numbers are those of the rule list in docs/tracking.md.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod talk;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use spit_core::call::{CallView, EventKind, TrackSettings, Tracker};
use talk::{Message, Talk};

fn invite() -> Message {
    Message::request("INVITE")
}

#[test]
fn rule_01_ack_to_a_failure_belongs_to_the_invite_and_2543_matching_works() {
    let mut t = Talk::new();
    t.send(0.0, invite().via("SIP/2.0/UDP a;branch=1"));
    t.back(0.1, Message::response(486, "INVITE"));
    t.send(0.2, Message::request("ACK").towards("b"));
    // No magic cookie: the same Via is the same transaction, so this is a retransmission and no call of its own.
    t.send(0.3, invite().via("SIP/2.0/UDP a;branch=1"));
    assert_eq!(t.end(), ["attempt", "end busy 486"]);
}

#[test]
fn rule_02_an_attempt_is_call_id_and_from_tag_of_an_invite_without_to_tag() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.send(10.0, invite().tagged("other").callee("+4420000009"));
    t.send(20.0, invite().call_id("another"));
    assert_eq!(t.count("attempt"), 3);
}

#[test]
fn rule_03_a_retry_after_a_challenge_is_the_same_attempt() {
    for status in [401, 407, 422, 491, 302] {
        let mut t = Talk::new();
        t.send(0.0, invite().cseq(1));
        t.back(0.1, Message::response(status, "INVITE").cseq(1));
        t.send(0.15, Message::request("ACK").cseq(1).towards("b"));
        t.send(40.0, invite().cseq(2).branch("z9hG4bK2"));
        t.back(40.1, Message::response(200, "INVITE").cseq(2));
        t.send(50.1, Message::request("BYE").cseq(3).towards("b"));
        assert_eq!(t.end(), ["attempt", "answer", "end answered 200"], "{status}");
        let call = t.last();
        assert_eq!(call.auth_challenged, matches!(status, 401 | 407));
        assert_eq!((call.start_s, call.duration_s), (0.0, Some(10.0)));
    }
}

#[test]
fn rule_03_a_challenge_without_a_retry_ends_unauthorized() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.back(0.1, Message::response(407, "INVITE"));
    t.advance(300.0);
    assert_eq!(t.seen(), ["attempt", "end unauthorized 407"]);
}

#[test]
fn rule_04_requests_inside_a_dialog_are_never_attempts() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.back(1.0, Message::response(200, "INVITE"));
    for (i, method) in ["INVITE", "UPDATE", "PRACK", "INFO", "MESSAGE"].iter().enumerate() {
        t.send(
            2.0 + i as f64,
            Message::request(method).towards("b").cseq(10 + i as u32),
        );
        t.back(2.5 + i as f64, Message::response(200, method).cseq(10 + i as u32));
    }
    t.send(20.0, Message::request("BYE").towards("b").cseq(30));
    assert_eq!(t.end(), ["attempt", "answer", "end answered 200"]);
}

#[test]
fn rule_05_retransmissions_are_counted_and_are_no_events() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.send(0.5, invite());
    t.send(1.5, invite());
    t.back(2.0, Message::response(200, "INVITE"));
    t.back(2.5, Message::response(200, "INVITE"));
    t.send(3.0, Message::request("ACK").towards("b"));
    t.send(9.0, Message::request("BYE").towards("b").cseq(2));
    t.send(9.5, Message::request("BYE").towards("b").cseq(2));
    assert_eq!(t.end(), ["attempt", "answer", "end answered 200"]);
    assert_eq!(t.last().retransmissions, 3);
}

#[test]
fn rule_06_a_forked_call_is_one_call_answered_at_the_first_2xx() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.back(1.0, Message::response(180, "INVITE").towards("fork1"));
    t.back(1.2, Message::response(180, "INVITE").towards("fork2"));
    t.back(4.0, Message::response(200, "INVITE").towards("fork2"));
    t.back(4.1, Message::response(200, "INVITE").towards("fork1"));
    t.send(14.0, Message::request("BYE").towards("fork2").cseq(2));
    assert_eq!(t.end(), ["attempt", "answer", "end answered 200"]);
    let call = t.last();
    assert_eq!(
        (call.setup_time_s, call.duration_s, call.retransmissions),
        (Some(4.0), Some(10.0), 0)
    );
}

#[test]
fn rule_06_a_failing_branch_behind_a_proxy_does_not_end_the_call() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.hop("10.0.0.2:5060", "10.0.0.3:5060");
    t.send(0.1, invite().branch("z9hG4bKp1"));
    t.hop("10.0.0.2:5060", "10.0.0.4:5060");
    t.send(0.1, invite().branch("z9hG4bKp2"));
    t.hop("10.0.0.2:5060", "10.0.0.3:5060");
    t.back(1.0, Message::response(486, "INVITE").towards("one"));
    t.hop("10.0.0.2:5060", "10.0.0.4:5060");
    t.back(2.0, Message::response(200, "INVITE").towards("two"));
    t.first_hop();
    t.back(2.1, Message::response(200, "INVITE").towards("two"));
    t.send(12.0, Message::request("BYE").towards("two").cseq(2));
    assert_eq!(t.end(), ["attempt", "answer", "end answered 200"]);
    assert_eq!((t.last().legs, t.last().retransmissions), (3, 0));
}

#[test]
fn rule_07_ring_time_before_cancel() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.back(0.8, Message::response(180, "INVITE"));
    t.send(3.3, Message::request("CANCEL"));
    t.back(3.4, Message::response(200, "CANCEL"));
    t.back(3.5, Message::response(487, "INVITE"));
    assert_eq!(t.end(), ["attempt", "end cancelled 487"]);
    assert_eq!((t.last().ring_time_s, t.last().pdd_s), (Some(2.5), Some(0.8)));
}

#[test]
fn rule_07_a_200_that_crosses_the_cancel_means_answered() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.send(1.0, Message::request("CANCEL"));
    t.back(1.1, Message::response(200, "INVITE"));
    t.send(1.2, Message::request("BYE").towards("b").cseq(2));
    assert_eq!(t.end(), ["attempt", "answer", "end answered 200"]);
}

#[test]
fn rule_07_a_cancel_whose_487_is_lost_still_ends_the_call_once() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.back(0.5, Message::response(180, "INVITE"));
    t.send(2.0, Message::request("CANCEL"));
    t.advance(100.0);
    assert_eq!(t.end(), ["attempt", "end cancelled -"]);
    assert_eq!(t.last().end_s, 2.0);
}

#[test]
fn rule_08_a_lost_bye_is_censored_by_session_expires_or_idle_limit() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.back(
        1.0,
        Message::response(200, "INVITE").with("Session-Expires: 90;refresher=uac"),
    );
    t.advance(1000.0);
    assert_eq!(t.seen(), ["attempt", "answer", "end answered 200"]);
    let call = t.last();
    assert!(
        call.censored && call.duration_s.unwrap() >= 90.0,
        "{:?}",
        call.duration_s
    );

    let mut t = Talk::with(TrackSettings {
        idle_limit_us: 3_600_000_000,
        ..TrackSettings::default()
    });
    t.send(0.0, invite());
    t.back(1.0, Message::response(200, "INVITE"));
    t.send(600.0, Message::request("INFO").towards("b").cseq(7));
    t.advance(4199.0);
    assert_eq!(t.count("end"), 0);
    t.advance(4201.0);
    assert_eq!((t.count("end"), t.last().censored), (1, true));
}

#[test]
fn rule_08_a_call_that_goes_on_at_the_end_of_the_capture_is_censored() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.back(1.0, Message::response(200, "INVITE"));
    t.advance(31.0);
    assert_eq!(t.end(), ["attempt", "answer", "end answered 200"]);
    assert_eq!((t.last().duration_s, t.last().censored), (Some(30.0), true));
}

#[test]
fn rule_09_both_sides_of_a_proxy_are_one_call() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.hop("10.0.0.2:5060", "10.0.0.3:5060");
    t.send(0.01, invite().branch("z9hG4bKproxy"));
    t.back(1.0, Message::response(200, "INVITE"));
    t.first_hop();
    t.back(1.01, Message::response(200, "INVITE"));
    t.send(5.0, Message::request("BYE").towards("b").cseq(2));
    t.hop("10.0.0.2:5060", "10.0.0.3:5060");
    t.send(5.01, Message::request("BYE").towards("b").cseq(2));
    assert_eq!(t.end(), ["attempt", "answer", "end answered 200"]);
    assert_eq!((t.last().legs, t.last().retransmissions), (2, 0));
}

#[test]
fn rule_09_both_sides_of_a_b2bua_are_one_call() {
    const UUID: &str = "Session-ID: a1b2c3d4e5f60718293a4b5c6d7e8f90;remote=00000000000000000000000000000000";
    for (name, first, second, callee) in [
        ("Session-ID", UUID, UUID, "+4420000777"),
        ("X-Call-ID", "X: 1", "X-Call-ID: call-1", "+4420000777"),
        ("parties", "X: 1", "X: 2", "+4420000002"),
    ] {
        let mut t = Talk::new();
        t.send(0.0, invite().with(first));
        t.hop("10.0.0.2:5060", "10.0.0.3:5060");
        t.send(0.1, invite().call_id("b2b").tagged("z").callee(callee).with(second));
        t.back(2.0, Message::response(200, "INVITE").call_id("b2b").tagged("z"));
        t.first_hop();
        t.back(2.1, Message::response(200, "INVITE"));
        t.hop("10.0.0.2:5060", "10.0.0.3:5060");
        t.back(
            9.0,
            Message::request("BYE").call_id("b2b").tagged("b").towards("z").cseq(1),
        );
        t.first_hop();
        t.back(9.1, Message::request("BYE").tagged("b").towards("a").cseq(1));
        assert_eq!(t.end(), ["attempt", "answer", "end answered 200"], "{name}");
        assert_eq!((t.last().legs, t.last().hangup_by), (2, "callee"), "{name}");
    }
}

#[test]
fn rule_09_a_dialler_can_not_hide_attempts_behind_one_session_id() {
    let mut t = Talk::new();
    for i in 0..5 {
        let message = invite()
            .call_id(&format!("c{i}"))
            .callee(&format!("+442000000{i}"))
            .with("Session-ID: a1b2c3d4e5f60718293a4b5c6d7e8f90");
        t.send(f64::from(i), message);
    }
    assert_eq!(t.count("attempt"), 5);
}

#[test]
fn rule_09_a_redial_from_the_same_place_is_another_attempt() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.send(0.5, invite().call_id("redial"));
    assert_eq!(t.count("attempt"), 2);
}

#[test]
fn rule_10_any_case_compact_forms_folds_and_bare_lf() {
    let mut t = Talk::new();
    t.raw(
        0.0,
        b"INVITE sip:+4420000002@h SIP/2.0\nv: SIP/2.0/UDP a;branch=z9hG4bK1\nF: <sip:+4420000001@h>\n ;tag=a\nTO:<sip:+4420000002@h>\ni: x\ncSeq: 1\n  INVITE\nl: 0\n\n",
    );
    t.raw(
        1.0,
        b"SIP/2.0 404 no\nv: SIP/2.0/UDP a;branch=z9hG4bK1\nf: <sip:+4420000001@h>;tag=a\nt: <sip:+4420000002@h>;tag=b\ni: x\nCSEQ: 1 INVITE\n\n",
    );
    assert_eq!(t.end(), ["attempt", "end not_found 404"]);
    assert_eq!(
        (t.last().caller.as_str(), t.last().callee.as_str()),
        ("+4420000001", "+4420000002")
    );
}

#[test]
fn rule_11_call_id_reuse_after_bye_is_another_call() {
    let mut t = Talk::new();
    for round in 0..2 {
        let at = f64::from(round) * 20.0;
        let cseq = 1 + round * 10;
        t.send(at, invite().cseq(cseq).branch(&format!("z9hG4bK{round}")));
        t.back(at + 1.0, Message::response(200, "INVITE").cseq(cseq));
        t.send(at + 5.0, Message::request("BYE").towards("b").cseq(cseq + 1));
    }
    let one = ["attempt", "answer", "end answered 200"];
    assert_eq!(t.end(), [one, one].concat());
}

#[test]
fn rule_11_a_late_retransmission_after_the_end_is_no_call() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.back(1.0, Message::response(404, "INVITE"));
    t.send(4.0, invite());
    t.back(5.0, Message::response(404, "INVITE"));
    assert_eq!(t.end(), ["attempt", "end not_found 404"]);
}

#[test]
fn rule_12_every_way_to_end_gives_one_end() {
    for (status, outcome) in [
        (300, "redirected"),
        (401, "unauthorized"),
        (403, "failed"),
        (404, "not_found"),
        (408, "no_answer"),
        (410, "not_found"),
        (480, "no_answer"),
        (484, "not_found"),
        (486, "busy"),
        (487, "cancelled"),
        (500, "failed"),
        (503, "failed"),
        (600, "busy"),
        (603, "declined"),
        (604, "not_found"),
        (607, "unwanted"),
        (608, "declined"),
    ] {
        let mut t = Talk::new();
        t.send(0.0, invite());
        t.back(1.0, Message::response(status, "INVITE"));
        t.back(1.5, Message::response(status, "INVITE"));
        t.advance(1000.0);
        assert_eq!(t.end(), ["attempt".to_string(), format!("end {outcome} {status}")]);
    }
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.advance(1000.0);
    assert_eq!(t.seen(), ["attempt", "end no_answer -"]);
    let mut t = Talk::new();
    t.send(0.0, invite());
    assert_eq!(t.end(), ["attempt", "end incomplete -"]);
}

#[test]
fn rule_13_pai_counts_only_from_trusted_peers_and_all_three_are_kept() {
    let message = || {
        invite()
            .with("P-Asserted-Identity: <sip:+4420000555@h;user=phone;verstat=TN-Validation-Passed>")
            .with("Identity: eyJhbGciOiJFUzI1NiIsInBwdCI6InNoYWtlbiJ9.eyJhdHRlc3QiOiJCIiwib3JpZ2lkIjoibzEifQ.sig")
    };
    let mut t = Talk::new();
    t.send(0.0, message());
    let call = t.last();
    assert_eq!(call.caller, "+4420000001");
    assert_eq!(call.asserted_identity.as_deref(), Some("+4420000555"));
    assert_eq!((call.attestation, call.origid.as_deref()), (Some('B'), Some("o1")));
    assert_eq!(call.verstat, None);
    let mut t = Talk::trusting("10.0.0.0/24");
    t.send(0.0, message());
    assert_eq!(t.last().caller, "+4420000555");
    assert_eq!(t.last().verstat.as_deref(), Some("TN-Validation-Passed"));
}

/// An Identity header with these claims.
fn identity(ppt: &str, claims: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"ES256","ppt":"{ppt}","typ":"passport"}}"#));
    format!(
        "Identity: {header}.{}.c2ln;info=<https://c.example/x.pem>;ppt={ppt}",
        URL_SAFE_NO_PAD.encode(claims)
    )
}

#[test]
fn rule_13_every_passport_is_read_and_held_against_the_request() {
    let claims = |orig: &str, dest: &str| {
        format!(r#"{{"attest":"A","dest":{{"tn":["{dest}"]}},"iat":40,"orig":{{"tn":"{orig}"}},"origid":"o1"}}"#)
    };
    for (orig, dest, want) in [
        ("4420000001", "4420000002", "none"),
        ("4420000009", "4420000002", "orig"),
        ("4420000001", "4420000009", "dest"),
        ("4420000009", "4420000009", "orig,dest"),
    ] {
        let mut t = Talk::new();
        t.send(
            100.0,
            invite()
                .with("Identity: broken.token.x;ppt=shaken")
                .with("y: ..c2ln;info=<https://c.example/x.pem>;ppt=rcd")
                .with(&identity("shaken", &claims(orig, dest)))
                .with(&identity("shaken", r#"{"attest":"C","origid":"o2","orig":{"tn":"1"}}"#)),
        );
        let call = t.last();
        assert_eq!((call.attestation, call.origid.as_deref()), (Some('A'), Some("o1")));
        assert_eq!(call.passport_types.as_deref(), Some("shaken,rcd,shaken,shaken"));
        assert_eq!(call.passport_orig, Some(format!("+{orig}")));
        assert_eq!(call.passport_iat_age_s, Some(60.0));
        assert_eq!(call.passport_mismatch.as_deref(), Some(want));
        assert_eq!(call.caller, "+4420000001", "a claim is not believed");
        let counters = t.tracker.counters;
        assert_eq!(
            (
                counters.passports,
                counters.passports_compact,
                counters.passports_unreadable
            ),
            (4, 1, 1)
        );
    }
}

#[test]
fn rule_13_what_can_not_be_compared_is_no_mismatch() {
    for (header, want) in [
        ("X: 1".to_string(), None),
        ("Identity: ..c2ln;ppt=shaken".to_string(), None),
        (identity("shaken", r#"{"attest":"A"}"#), None),
        (identity("shaken", r#"{"orig":{"uri":"sip:alice@a.example"}}"#), None),
        (
            identity("shaken", r#"{"orig":{"uri":"sip:+4420000001@a.example"}}"#),
            Some("none"),
        ),
        (
            identity("shaken", r#"{"dest":{"tn":["999"],"uri":["sip:+4420000002@x"]}}"#),
            Some("none"),
        ),
    ] {
        let mut t = Talk::new();
        t.send(100.0, invite().with(&header));
        assert_eq!(t.last().passport_mismatch.as_deref(), want, "{header}");
    }
}

#[test]
fn rule_13_identity_headers_beyond_the_bound_are_counted() {
    let mut message = invite();
    for i in 0..10 {
        message = message.with(&identity("div", &format!(r#"{{"div":{{"tn":"442000090{i}"}}}}"#)));
    }
    let mut t = Talk::new();
    t.send(0.0, message);
    assert_eq!(t.last().passport_types.unwrap().matches("div").count(), 8);
    assert_eq!(
        (t.tracker.counters.passports, t.tracker.counters.passports_over_limit),
        (8, 1)
    );
}

#[test]
fn rule_13_one_number_among_the_asserted_identities() {
    let sip_and_tel = "P-Asserted-Identity: \"Bell, A\" <sip:a.bell@h>, <tel:+4420000555;verstat=TN-Validation-Failed>";
    for (headers, caller, verstat) in [
        (vec![sip_and_tel], "+4420000555", Some("TN-Validation-Failed")),
        (
            vec![
                "P-Asserted-Identity: <sip:a.bell@h>",
                "P-Asserted-Identity: <tel:+4420000556>",
            ],
            "+4420000556",
            None,
        ),
        (vec!["P-Asserted-Identity: <sip:a.bell@h>"], "a.bell@h", None),
        // A user agent's wish is no assertion (RFC 3325 section 9.2).
        (vec!["P-Preferred-Identity: <sip:+4420000557@h>"], "+4420000001", None),
        (
            vec!["Remote-Party-ID: <sip:+4420000558@h>;party=calling;screen=yes"],
            "+4420000558",
            None,
        ),
        (vec!["Remote-Party-ID: <sip:+4420000558@h>"], "+4420000558", None),
        (
            vec!["Remote-Party-ID: <sip:+4420000558@h>;party=called"],
            "+4420000001",
            None,
        ),
        (
            vec![
                "Remote-Party-ID: <sip:+4420000558@h>",
                "P-Asserted-Identity: <tel:+4420000555>",
            ],
            "+4420000555",
            None,
        ),
    ] {
        let message = || headers.iter().fold(invite(), |message, header| message.with(header));
        let mut trusting = Talk::trusting("10.0.0.0/24");
        trusting.send(0.0, message());
        assert_eq!(trusting.last().caller, caller, "{headers:?}");
        assert_eq!(trusting.last().verstat.as_deref(), verstat, "{headers:?}");
        let mut t = Talk::new();
        t.send(0.0, message());
        assert_eq!(
            (t.last().caller.as_str(), t.last().verstat),
            ("+4420000001", None),
            "{headers:?}"
        );
        if headers[0].starts_with("Remote") && headers.len() == 1 {
            assert_eq!(t.last().asserted_identity, None, "{headers:?}");
        }
    }
}

#[test]
fn rule_13_verstat_stands_in_several_places_and_counts_from_trusted_peers_only() {
    for header in [
        "P-Asserted-Identity: <tel:+4420000555;verstat=TN-Validation-Passed>",
        "P-Asserted-Identity: <sip:+4420000555;verstat=TN-Validation-Passed@h;user=phone>",
        "P-Asserted-Identity: <sip:+4420000555@h;user=phone;verstat=TN-Validation-Passed>",
        "P-Asserted-Identity: <sip:+4420000555@h>;verstat=\"TN-Validation-Passed\"",
    ] {
        let mut t = Talk::trusting("10.0.0.0/24");
        t.send(0.0, invite().with(header));
        assert_eq!(t.last().verstat.as_deref(), Some("TN-Validation-Passed"), "{header}");
        let mut t = Talk::trusting("10.9.0.0/24");
        t.send(0.0, invite().with(header));
        assert_eq!(t.last().verstat, None, "{header}");
    }
    let mut t = Talk::trusting("10.0.0.0/24");
    t.raw(
        0.0,
        b"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <tel:+44200001;verstat=No-TN-Validation>;tag=a\r\nTo: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n",
    );
    assert_eq!(t.last().verstat.as_deref(), Some("No-TN-Validation"));
}

#[test]
fn rule_14_the_forwarder_is_told() {
    let div = |from: &str, to: &str| {
        identity(
            "div",
            &format!(r#"{{"div":{{"tn":"{from}"}},"dest":{{"tn":["{to}"]}},"orig":{{"tn":"4420000001"}}}}"#),
        )
    };
    let shaken = identity("shaken", r#"{"dest":{"tn":["4420000900"]},"orig":{"tn":"4420000001"}}"#);
    for (headers, want) in [
        (vec!["Diversion: <sip:+4420000900@h>;reason=unconditional"], Some("+4420000900")),
        (
            vec!["Diversion: \"Desk, 1\" <tel:+4420000901>;reason=no-answer;counter=2;privacy=off, <sip:+4420000900@h>;reason=user-busy"],
            Some("+4420000901"),
        ),
        (vec!["Diversion: sip:+4420000901@h;counter=1", "Diversion: <sip:+4420000900@h>"], Some("+4420000901")),
        (vec!["Diversion: <>;reason=unknown", "Diversion: <sip:+4420000900@h>"], Some("+4420000900")),
        (vec!["History-Info: <sip:+4420000901@h>;index=1"], None),
        // RFC 4458: the cause stands in the new target.
        (vec!["History-Info: <sip:+4420000901@h>;index=1, <sip:+4420000902@h;cause=302>;index=1.1"], Some("+4420000901")),
        // RFC 7044: mp names the entry that was left; the contact of the new target (rc) forwards nothing.
        (
            vec![
                "History-Info: <sip:+4420000901@h>;index=1,<sip:+4420000900@h>;index=1.1;np=1",
                "History-Info: <sip:+4420000902@h>;index=1.2;mp=1.1, <sip:phone@192.0.2.9>;index=1.2.1;rc=1.2",
            ],
            Some("+4420000900"),
        ),
        (vec!["History-Info: <sip:+4420000901@h>;index=1, <sip:+4420000902@h>;index=1.1;mp=7"], Some("+4420000901")),
        // A proxy that only routes, and a user with two phones.
        (vec!["History-Info: <sip:+4420000901@h>;index=1, <sip:+4420000901@p>;index=1.1;np=1"], None),
        (vec!["History-Info: <sip:+4420000901@h>;index=1, <sip:x@192.0.2.9>;index=1.1;rc=1"], None),
        (vec!["History-Info: <sip:+4420000901@h>;index=1, <sip:+4420000902@h>;index=1.1"], None),
        // RFC 4244: an escaped Reason in the entry that was left.
        (
            vec!["History-Info: <sip:+4420000901@h?Reason=SIP%3Bcause%3D486%3Btext%3D\"Busy, here\">;index=1, <sip:+4420000902@h>;index=1.1"],
            Some("+4420000901"),
        ),
        (
            vec!["History-Info: <sip:+4420000901@h?Privacy=none&reason=SIP%3Bcause%3D302>;index=1, <sip:+4420000902@h>;index=2"],
            Some("+4420000901"),
        ),
        (vec!["History-Info: <sip:+4420000901@h?Reason=SIP>;index=1, <sip:+4420000901@p>;index=1.1"], None),
        // Diversion is the newer of both where both stand.
        (
            vec!["History-Info: <sip:1@h>;index=1, <sip:2@h>;index=1.1;mp=1", "Diversion: <sip:+4420000900@h>"],
            Some("+4420000900"),
        ),
        // RFC 8946: the end of the chain of div PASSporTs, in whatever order they stand.
        (
            vec![&*div("4420000901", "4420000002"), &*shaken, &*div("4420000900", "4420000901")],
            Some("+4420000901"),
        ),
    ] {
        let mut t = Talk::new();
        t.send(0.0, headers.iter().fold(invite(), |message, header| message.with(header)));
        assert_eq!(t.last().diverted_by.as_deref(), want, "{headers:?}");
        assert_ne!(t.last().passport_mismatch.as_deref(), Some("dest"), "a diverted call is for its new callee");
    }
}

#[test]
fn rule_15_calls_that_are_never_scored_to_block() {
    for (message, want) in [
        (invite().uri("urn:service:sos.fire"), Some("emergency")),
        (invite().with("Priority: psap-callback"), Some("psap_callback")),
        (invite().with("Resource-Priority: ets.0"), Some("resource_priority")),
        (invite().with("Priority: urgent"), None),
    ] {
        let mut t = Talk::new();
        t.send(0.0, message);
        assert_eq!(t.last().exemption, want);
    }
}

#[test]
fn a_message_is_an_attempt_that_ends_with_its_response() {
    let mut t = Talk::new();
    t.send(0.0, Message::request("MESSAGE"));
    t.back(0.2, Message::response(200, "MESSAGE"));
    assert_eq!(t.end(), ["attempt", "end answered 200"]);
    assert_eq!(
        (t.last().duration_s, t.last().media.as_deref()),
        (None, Some("message"))
    );
}

#[test]
fn hangup_by_the_callee() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    t.back(1.0, Message::response(200, "INVITE"));
    t.back(3.0, Message::request("BYE").tagged("b").towards("a").cseq(1));
    assert_eq!(t.end(), ["attempt", "answer", "end answered 200"]);
    assert_eq!((t.last().hangup_by, t.last().duration_s), ("callee", Some(2.0)));
}

#[test]
fn a_flood_of_call_ids_stays_below_the_bound_and_loses_no_end() {
    let mut t = Talk::with(TrackSettings {
        max_calls: 500,
        ..TrackSettings::default()
    });
    for i in 0..20_000 {
        t.send(
            f64::from(i) * 1e-4,
            invite().call_id(&format!("flood{i}")).callee(&format!("+44{i:09}")),
        );
        assert!(t.tracker.len() <= 500);
    }
    assert!(t.tracker.counters.evicted > 19_000);
    t.end();
    assert_eq!((t.count("attempt"), t.count("end")), (20_000, 20_000));
}

/// Random talk of a few calls: whatever comes in whatever order, each attempt has one end and time never runs back.
#[test]
fn any_order_of_messages_keeps_the_books() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |n: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % n
    };
    for _ in 0..300 {
        let settings = TrackSettings {
            max_calls: 4,
            ..TrackSettings::default()
        };
        // One of them is stopped and started again now and then.
        let (mut t, mut restarted) = (Talk::with(settings), Talk::with(settings));
        let mut at = 0.0;
        for _ in 0..60 {
            at += [0.0, 0.001, 0.5, 40.0, 400.0, -0.3][next(6) as usize];
            let call_id = format!("c{}", next(5));
            let cseq = 1 + next(3) as u32;
            let message = match next(9) {
                0..=2 => invite(),
                3 => Message::request("CANCEL"),
                4 => Message::request("BYE").towards("b"),
                5 => Message::request("ACK").towards("b"),
                6 => Message::response([180, 183, 100][next(3) as usize], "INVITE"),
                7 => Message::response(200, "INVITE"),
                _ => Message::response([407, 486, 302, 487, 603][next(5) as usize], "INVITE"),
            };
            let message = message.call_id(&call_id).cseq(cseq);
            let (hop, back) = (next(3), next(4) == 0);
            if next(7) == 0 {
                restarted.restart();
            }
            for talk in [&mut t, &mut restarted] {
                match hop {
                    0 => talk.first_hop(),
                    1 => talk.hop("10.0.0.2:5060", "10.0.0.3:5060"),
                    _ => {}
                }
                if back {
                    talk.back(at, message.clone());
                } else {
                    talk.send(at, message.clone());
                }
            }
        }
        t.end();
        restarted.end();
        assert_eq!(t.told(), restarted.told());
        assert_eq!(t.tracker.counters, restarted.tracker.counters);
        assert_eq!(t.count("attempt"), t.count("end"));
        assert!(t.count("answer") <= t.count("attempt"));
        assert!(t.times.windows(2).all(|w| w[0] <= w[1]), "{:?}", t.times);
    }
}

#[test]
fn a_restarted_tracker_knows_the_call_and_its_user_agent() {
    let mut t = Talk::new();
    t.send(0.0, invite().with("User-Agent: phone"));
    t.send(
        0.1,
        invite()
            .call_id("other")
            .callee("+4420000003")
            .with("User-Agent: phone"),
    );
    t.restart();
    t.back(1.0, Message::response(486, "INVITE"));
    assert_eq!(t.last().user_agent.as_deref(), Some("phone"));
    t.restart();
    t.back(2.0, Message::response(200, "INVITE").call_id("other"));
    assert_eq!(t.last().user_agent.as_deref(), Some("phone"));
}

#[test]
fn a_saved_tracker_that_is_damaged_is_refused_in_words() {
    let mut t = Talk::new();
    t.send(0.0, invite());
    let saved = t.tracker.save(7).unwrap();
    for end in 0..saved.len() {
        let error = Tracker::load(&saved[..end], TrackSettings::default()).unwrap_err();
        assert!(error
            .to_string()
            .starts_with("expected a saved tracker of version 1, found "));
    }
    let longer = [saved.as_slice(), b"x"].concat();
    assert!(Tracker::load(&longer, TrackSettings::default()).is_err());
    for at in 0..saved.len() {
        for bit in 0..8 {
            let mut changed = saved.clone();
            changed[at] ^= 1 << bit;
            // Some changes are another state; none may be a panic, now or later.
            if let Ok((mut tracker, _)) = Tracker::load(&changed, TrackSettings::default()) {
                tracker.flush(&mut |_: EventKind, _: i64, call: &CallView<'_>| {
                    let _ = (call.texts(), call.source_ip(), call.duration_s());
                });
            }
        }
    }
}
