//! The model keeps every behaviour that is asked of a backend.
//! Nothing is left out: the model can do all that capabilities can say.

use conformance::model::ModelHarness;

mod queue {
    use super::*;
    conformance::queue_suite!(ModelHarness::new());
}
mod store {
    use super::*;
    conformance::store_suite!(ModelHarness::new());
}
mod commands {
    use super::*;
    conformance::commands_suite!(ModelHarness::new());
}
mod directory {
    use super::*;
    conformance::directory_suite!(ModelHarness::new());
}
mod journey {
    use super::*;
    conformance::journey_suite!(ModelHarness::new());
}
mod search {
    use super::*;
    conformance::search_suite!(ModelHarness::new());
}
