# Thin lines over cargo: nothing here needs just.

# formatting, lints, docs, licences, unit and contract tests
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    cargo deny check bans licenses sources
    cargo test --workspace

# the quick loop
test *ARGS:
    cargo nextest run {{ARGS}}

# everything that needs PostgreSQL
test-pg:
    SYNCLINE_REQUIRE=postgres cargo test -p syncline-storage

# real Redmine servers; two ways with 200 items each, and a server killed 50 times between Redmine and Azure DevOps
test-real ITEMS="200" KILLS="50":
    SYNCLINE_REQUIRE=redmine SYNCLINE_REAL_ITEMS={{ITEMS}} SYNCLINE_REAL_KILLS={{KILLS}} cargo test -p syncline-tests --test real -- --nocapture

# the release server killed 200 times under load and at every named point, and three processes killed and frozen, on both
# databases
crash KILLS="200":
    cargo build --release -p syncline
    SYNCLINE_REQUIRE=postgres SYNCLINE_CRASH_KILLS={{KILLS}} cargo test --release -p syncline-tests --test crash --test processes -- --nocapture

# more histories of the simulation than every test run plays, optimised: `just sim 2000..4000`, `just sim 17..18`
sim SEEDS="2000..4000":
    SYNCLINE_SIM_SEEDS={{SEEDS}} cargo test --profile sim -p syncline-tests --test sim whatever

# figures, release build; the server itself is one of the things measured
bench *ARGS:
    cargo build --release
    cargo run --release -p syncline-bench -- {{ARGS}}

# what every change has to pass
ci:
    .ci/run

# two sandbox trackers and a first sync
demo:
    cargo run --release -- demo
