//! The account PostgreSQL runs as: our own, or, as root, an unprivileged one (it refuses root).

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::error::{ClusterError, io_error};

const OWNER_ONLY: u32 = 0o700;

/// Who owns the files and runs the programs.
#[derive(Debug, Clone)]
pub(super) enum Owner {
    /// We are not root: everything is ours.
    Ourselves,
    /// We are root: files are handed to this account and programs run as it.
    Other {
        /// Account name, for messages.
        name: String,
        /// User id.
        uid: u32,
        /// Its primary group.
        gid: u32,
    },
}

impl Owner {
    /// Decides from our effective user id.
    pub(super) fn decide() -> Result<Self, ClusterError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let passwd = Path::new("/etc/passwd");
        let accounts = fs::read_to_string(passwd).map_err(io_error("reading", passwd))?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| account(&accounts, name))
            .ok_or(ClusterError::NoUnprivilegedUser)
    }

    /// Makes `command` run as this account, free of the caller's PostgreSQL variables and of its
    /// process group (Ctrl-C is for us; we stop the server when our own work is done).
    pub(super) fn runs(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("PG")) {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C.UTF-8").process_group(0);
        if let Self::Other { uid, gid, .. } = self {
            command.gid(*gid).uid(*uid);
        }
    }

    /// Creates `dir` when it is missing, owned by this account and closed to all others.
    pub(super) fn own_dir(&self, dir: &Path) -> Result<(), ClusterError> {
        if let Some(parent) = dir.parent() {
            fs::create_dir_all(parent).map_err(io_error("creating", parent))?;
        }
        create_closed(dir)?;
        self.hand_over(dir)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(OWNER_ONLY)).map_err(io_error("closing", dir))
    }

    /// The same in a place where anybody may have taken the name first (a link there would make us
    /// hand over what it points to): a directory that exists is only checked, never changed.
    pub(super) fn own_dir_in_public_place(&self, dir: &Path) -> Result<(), ClusterError> {
        if create_closed(dir)? {
            return self.hand_over(dir);
        }
        let meta = fs::symlink_metadata(dir).map_err(io_error("looking at", dir))?;
        if meta.is_dir() && meta.uid() == self.uid() && meta.mode() & 0o077 == 0 {
            return Ok(());
        }
        Err(io_error("trusting", dir)(ErrorKind::PermissionDenied.into()))
    }

    fn hand_over(&self, dir: &Path) -> Result<(), ClusterError> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other { uid, gid, .. } => {
                chown(dir, Some(*uid), Some(*gid)).map_err(io_error("handing over", dir))
            }
        }
    }

    fn uid(&self) -> u32 {
        match self {
            Self::Ourselves => rustix::process::geteuid().as_raw(),
            Self::Other { uid, .. } => *uid,
        }
    }

    /// Refuses a directory below one that the account cannot enter, such as root's home.
    pub(super) fn check_reach(&self, dir: &Path) -> Result<(), ClusterError> {
        let Self::Other { name, uid, gid } = self else { return Ok(()) };
        for ancestor in dir.ancestors().skip(1) {
            let meta = fs::metadata(ancestor).map_err(io_error("looking at", ancestor))?;
            if !may_enter(meta.mode(), meta.uid() == *uid, meta.gid() == *gid) {
                return Err(ClusterError::Unreachable { blocked: ancestor.to_owned(), user: name.clone() });
            }
        }
        Ok(())
    }
}

/// Tells whether the directory is new.
fn create_closed(dir: &Path) -> Result<bool, ClusterError> {
    match fs::DirBuilder::new().mode(OWNER_ONLY).create(dir) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(io_error("creating", dir)(error)),
    }
}

fn may_enter(mode: u32, is_owner: bool, is_group: bool) -> bool {
    let needed = match (is_owner, is_group) {
        (true, _) => 0o100,
        (false, true) => 0o010,
        (false, false) => 0o001,
    };
    mode & needed != 0
}

/// Reads one line of passwd(5): `name:password:uid:gid:...`.
fn account(passwd: &str, wanted: &str) -> Option<Owner> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| *name == wanted)?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Owner::Other { name: name.to_owned(), uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_from_passwd() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\npostgres:x:105:110:,,,:/var/lib/postgresql:/bin/bash\n";
        let Some(Owner::Other { name, uid, gid }) = account(passwd, "postgres") else { panic!("not found") };
        assert_eq!((name.as_str(), uid, gid), ("postgres", 105, 110));
        assert!(account(passwd, "nobody").is_none());
        assert!(account(passwd, "post").is_none());
    }

    #[test]
    fn a_link_in_a_public_place_is_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("target");
        fs::create_dir(&target).unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(Owner::Ourselves.own_dir_in_public_place(&link).is_err());
        fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Owner::Ourselves.own_dir_in_public_place(&target).is_err(), "open to others");
        assert!(Owner::Ourselves.own_dir_in_public_place(&place.path().join("new")).is_ok());
    }

    #[test]
    fn only_the_class_that_applies_decides() {
        assert!(may_enter(0o700, true, false));
        assert!(!may_enter(0o700, false, true));
        assert!(may_enter(0o711, false, false));
        assert!(!may_enter(0o701, false, true), "the group's bits bar a member even when others may pass");
    }
}
