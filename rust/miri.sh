#!/bin/sh
# Runs the tests of the kernels under miri, with few cases of each property.
# Left out, and why:
#   block_pixels, blocks, geotiff; blocks, pixels and geotiff of fuzzing: libdeflate and zstd are C, which miri cannot run;
#   every_value_under_every_rule: 65,536 values under every rule are hours; threads_...: images large enough for several threads are too.
# The pool's own deques break the rules of stacked borrows on purpose (crossbeam-epoch), so those of tree borrows hold;
# its threads live to the end of the process, hence no count of leaks.
set -eu
cd "$(dirname "$0")/.."
export PROPTEST_CASES="${PROPTEST_CASES:-4}" PROPTEST_FAILURE_PERSISTENCE=off RAYON_NUM_THREADS=2
export MIRIFLAGS="-Zmiri-tree-borrows -Zmiri-disable-isolation -Zmiri-ignore-leaks"
tests=""
for test in classify fuzzing meet overview qa resample tiles valid warp window; do tests="$tests --test $test"; done
# shellcheck disable=SC2086
exec cargo +nightly miri test --locked -p catfast-core --no-fail-fast --lib $tests -- \
    --exact --skip blocks --skip pixels --skip geotiff --skip every_value_under_every_rule \
    --skip threads_change_nothing --skip threads_do_not_show --skip threads_change_nothing_and_shapes_are_checked
