//! Everything that a backend has to do, over the emulator.
//! Guarantees D1 to D10, as far as the suites prove them.

use crate::harness::AwsHarness;

mod queue {
    use super::*;
    conformance::queue_suite!(AwsHarness::new());
}
mod store {
    use super::*;
    conformance::store_suite!(AwsHarness::new());
}
mod commands {
    use super::*;
    conformance::commands_suite!(AwsHarness::new());
}
mod directory {
    use super::*;
    conformance::directory_suite!(AwsHarness::new());
}
mod journey {
    use super::*;
    conformance::journey_suite!(AwsHarness::new());
}
mod search {
    use super::*;
    conformance::search_suite!(AwsHarness::new());
}
