//! What this process calls itself in leases, and which of those names belong to the dead.

use std::path::Path;

use syncline_domain::ports::Rng;

/// `<host>/<process id>/<random>`.
pub(crate) fn name_of_process(rng: &dyn Rng) -> String {
    format!("{}/{}/{:08x}", host(), std::process::id(), rng.next_u64() >> 32)
}

/// Whether the worker of this name is certainly gone: it ran on this host, and its process is not there any more, or
/// has become this one. Of other hosts only the end of their leases tells.
pub(crate) fn is_dead(holder: &str) -> bool {
    let mut parts = holder.split('/');
    let (Some(on), Some(pid)) = (parts.next(), parts.next()) else { return false };
    let Ok(pid) = pid.parse::<u32>() else { return false };
    if on != host() {
        return false;
    }
    // Asked about another holder than its own, a process that finds its own number finds a reused one.
    pid == std::process::id() || Path::new("/proc/self").exists() && !is_alive(pid)
}

/// A process that was killed and that nobody has waited for yet still has its entry; its state says that it is dead.
fn is_alive(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return Path::new(&format!("/proc/{pid}")).exists();
    };
    // The name in brackets may hold anything (proc_pid_stat(5)); the state is the word after it.
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next());
    !matches!(state, Some("Z" | "X"))
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim().replace('/', "-");
    if name.is_empty() { "localhost".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_processes_of_this_host_that_are_gone_are_dead() {
        let host = host();
        assert!(is_dead(&format!("{host}/4194400/0a")), "no process has this number");
        assert!(
            is_dead(&format!("{host}/{}/0a", std::process::id())),
            "an earlier one of this number"
        );
        assert!(!is_dead(&format!("{host}/1/0a")), "it lives");
        let mut killed = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let named = format!("{host}/{}/0a", killed.id());
        assert!(!is_dead(&named));
        killed.kill().unwrap();
        while !is_dead(&named) {
            std::thread::yield_now();
        }
        killed.wait().unwrap();
        assert!(!is_dead("elsewhere/4194400/0a"));
        assert!(!is_dead("nonsense"));
    }
}
