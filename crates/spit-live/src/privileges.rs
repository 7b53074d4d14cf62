//! Giving up privileges for good, once every socket is open.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::{fs, io, ptr};

/// `_LINUX_CAPABILITY_VERSION_3` of `linux/capability.h`.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// Bytes for the strings of one line of the password database.
const ENTRY_LEN: usize = 16 * 1024;

/// `struct __user_cap_header_struct`; process 0 is the calling thread.
#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: i32,
}

/// `struct __user_cap_data_struct`, twice for 64 capabilities.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapabilityData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Becomes a user without any capability, who can't gain one again. Sockets that are open stay so.
///
/// Call it before threads that need no privileges are started: where the process was not started as root, the kernel lets
/// no thread give up another's capabilities, and that is found here and told.
///
/// # Errors
/// No such user; neither root nor that user; or privileges that could not be given up. The process should end then.
pub fn drop_privileges(user: &str) -> io::Result<()> {
    let account = Account::find(user)?;
    if account.uid == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("user {user:?}: expected one without privileges, found root"),
        ));
    }
    // SAFETY: takes nothing and can't fail.
    let now = unsafe { libc::geteuid() };
    if now != 0 && now != account.uid {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("user {user:?}: expected to be root or that user, found uid {now}"),
        ));
    }
    clear_ambient()?;
    drop_bounding_set()?;
    if now == 0 {
        account.become_it()?;
    }
    clear_capabilities()?;
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0)?;
    verify(&account)
}

struct Account {
    uid: libc::uid_t,
    gid: libc::gid_t,
}

impl Account {
    fn find(user: &str) -> io::Result<Account> {
        let unknown = || io::Error::new(io::ErrorKind::NotFound, format!("user {user:?}: no such user"));
        let name = CString::new(user).map_err(|_| unknown())?;
        let mut strings = vec![0 as libc::c_char; ENTRY_LEN];
        // SAFETY: all zeros is a valid passwd, whose pointers are not read.
        let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
        let mut found = ptr::null_mut();
        // SAFETY: the name ends with NUL; the entry, the buffer of the said length and the result are ours.
        let code = unsafe {
            libc::getpwnam_r(
                name.as_ptr(),
                &mut entry,
                strings.as_mut_ptr(),
                strings.len(),
                &mut found,
            )
        };
        match (code, found.is_null()) {
            (0, false) => Ok(Account {
                uid: entry.pw_uid,
                gid: entry.pw_gid,
            }),
            (0, true) => Err(unknown()),
            _ => Err(io::Error::from_raw_os_error(code)),
        }
    }

    /// The C library does this in every thread of the process. The user comes last: without root the groups stay.
    fn become_it(&self) -> io::Result<()> {
        // SAFETY: one group, as said.
        checked(unsafe { libc::setgroups(1, &self.gid) })?;
        // SAFETY: plain numbers.
        checked(unsafe { libc::setresgid(self.gid, self.gid, self.gid) })?;
        // SAFETY: plain numbers.
        checked(unsafe { libc::setresuid(self.uid, self.uid, self.uid) })
    }
}

fn clear_ambient() -> io::Result<()> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong, 0)
}

/// Drops what programs that are started later could gain. That takes a capability; without it `no_new_privs` has to do.
fn drop_bounding_set() -> io::Result<()> {
    for capability in 0..64 {
        match prctl(libc::PR_CAPBSET_DROP, capability, 0) {
            Ok(()) => {}
            // Behind the last capability of this kernel, or not allowed to.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EPERM)) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn clear_capabilities() -> io::Result<()> {
    let header = CapabilityHeader {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let none = [CapabilityData::default(); 2];
    // SAFETY: header and data are laid out as this version says, and only read.
    match unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn prctl(what: libc::c_int, a: libc::c_ulong, b: libc::c_ulong) -> io::Result<()> {
    // SAFETY: every call here takes plain numbers.
    checked(unsafe { libc::prctl(what, a, b, 0 as libc::c_ulong, 0 as libc::c_ulong) })
}

fn checked(code: libc::c_int) -> io::Result<()> {
    match code {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Looks whether everything is gone and can't come back, rather than trust that calls did what they say.
fn verify(account: &Account) -> io::Result<()> {
    let kept = |what: String| {
        io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("expected to have given up all privileges, found {what}"),
        )
    };
    // SAFETY: plain numbers; it is meant to fail.
    if unsafe { libc::setresuid(0, 0, 0) } == 0 {
        return Err(kept("that root can be had back".into()));
    }
    let own = fs::read_to_string("/proc/thread-self/status")?;
    if field(&own, "NoNewPrivs") != Some("1") {
        return Err(kept("that no_new_privs is not set".into()));
    }
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?;
        // A thread that has ended meanwhile keeps nothing.
        let Ok(status) = fs::read_to_string(task.path().join("status")) else {
            continue;
        };
        if let Some(privilege) = privilege_left(&status, account.uid, account.gid) {
            let name = field(&status, "Name").unwrap_or("?").to_owned();
            let thread = task.file_name();
            return Err(kept(format!(
                "{privilege} in thread {} ({name}), which was started before",
                thread.to_string_lossy()
            )));
        }
    }
    Ok(())
}

/// What a thread's status (proc_pid_status(5)) shows of privileges, `None` when nothing.
fn privilege_left(status: &str, uid: u32, gid: u32) -> Option<String> {
    for (name, wanted) in [("Uid", uid), ("Gid", gid)] {
        let ids = field(status, name)?;
        if ids.split_ascii_whitespace().any(|id| id.parse() != Ok(wanted)) {
            return Some(format!("{name} {ids}"));
        }
    }
    for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        if let Some(set) = field(status, name).filter(|set| set.bytes().any(|b| b != b'0')) {
            return Some(format!("{name} {set}"));
        }
    }
    None
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tspit-ring\nUid:\t990\t990\t990\t990\nGid:\t980\t980\t980\t980\n\
        CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n\
        CapAmb:\t0000000000000000\nNoNewPrivs:\t1\n";

    #[test]
    fn what_is_left_is_named() {
        assert_eq!(privilege_left(STATUS, 990, 980), None);
        let saved_root = STATUS.replace("990\t990\t990\t990", "990\t990\t0\t990");
        assert!(privilege_left(&saved_root, 990, 980).unwrap().contains("Uid"));
        let raw = STATUS.replace("CapPrm:\t0000000000000000", "CapPrm:\t0000000000002000");
        assert_eq!(privilege_left(&raw, 990, 980).unwrap(), "CapPrm 0000000000002000");
        assert!(privilege_left(STATUS, 990, 0).unwrap().contains("Gid"));
    }

    #[test]
    fn users_that_are_not_there_or_are_root_are_refused_before_anything_changes() {
        let error = drop_privileges("no such user").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("no such user"));
        let error = drop_privileges("root").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(drop_privileges("nul\0").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
