//! Compiles the store again when a migration changed: the macro that embeds them does not tell cargo.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
