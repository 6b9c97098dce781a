//! Starting the program as a person would: a process of its own, a folder of its own.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// A process that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The program, in a folder, without any of the test's own variables.
pub(crate) fn syncline(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs a command to its end.
pub(crate) fn output(command: &mut Command) -> Output {
    command.output().expect("the program starts")
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Starts a process and waits until a line of its stdout or stderr holds `sign`.
pub(crate) fn start_until(command: &mut Command, sign: &str, on_stderr: bool) -> Running {
    if on_stderr {
        command.stderr(Stdio::piped()).stdout(Stdio::null());
    } else {
        command.stdout(Stdio::piped()).stderr(Stdio::null());
    }
    let mut child = command.spawn().expect("the program starts");
    let mut lines: Box<dyn BufRead + Send> = if on_stderr {
        Box::new(BufReader::new(child.stderr.take().expect("piped")))
    } else {
        Box::new(BufReader::new(child.stdout.take().expect("piped")))
    };
    let running = Running(child);
    let mut seen = String::new();
    loop {
        let mut line = String::new();
        let read = lines.read_line(&mut line).expect("readable output");
        assert!(read > 0, "ended before it said {sign:?}; it said:\n{seen}");
        seen.push_str(&line);
        if line.contains(sign) {
            break;
        }
    }
    // Somebody must go on reading, or the process stops at a full pipe.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    running
}

/// Starts the server on a port and waits until it listens.
pub(crate) fn serve(folder: &Path, port: u16) -> Running {
    let mut command = syncline(folder);
    command.arg("serve").env("PORT", port.to_string());
    start_until(&mut command, "listening on", true)
}

/// The text of a stream.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
