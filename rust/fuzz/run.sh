#!/bin/sh
# Runs every target (TARGETS="..." for some) RUNS times (1,000,000 by default) and prints a line of each for RECORD.md.
# With a nightly compiler and cargo-fuzz by libFuzzer, which looks for new paths; else by proptest, at random.
set -eu
cd "$(dirname "$0")"
mkdir -p target
RUNS=${RUNS:-1000000}
export RAYON_NUM_THREADS=1
COMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
if cargo +nightly fuzz --version >/dev/null 2>&1; then
    for target in ${TARGETS:-qa warp tiles blend blocks geotiff pixels guided meet}; do
        cargo +nightly fuzz run --fuzz-dir . --sanitizer "${SANITIZER:-none}" "$target" -- \
            -runs="$RUNS" -max_len=2000 -timeout=60 -rss_limit_mb=3000 >"target/$target.log" 2>&1 ||
            { tail -n 40 "target/$target.log"; exit 1; }
        echo "| $(date -u +%Y-%m-%d) | $COMMIT | $target | libFuzzer | $(sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\).*/\1 | \2 s |/p' "target/$target.log")"
    done
else
    echo "no nightly compiler with cargo-fuzz here: the same targets by proptest"
    PROPTEST_CASES=$RUNS cargo test --release --locked -p catfast-core --test fuzzing
    echo "| $(date -u +%Y-%m-%d) | $COMMIT | all nine | proptest | $RUNS each | |"
fi
