//! Compiles the store again when a migration changed: the macro that embeds them does not tell cargo.

#[expect(clippy::print_stdout, reason = "this is how a build script talks to cargo")]
fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
