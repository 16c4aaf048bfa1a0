//! `cargo run -p jarchi-tests --bin year`: plans a year of three brands, prints what came of
//! their shares, and draws it into docs/planning.svg.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what goes wrong ends it"
)]

use std::path::Path;

use jarchi_tests::year;

#[tokio::main]
async fn main() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/planning.svg");
    let mut brands = Vec::new();
    for brand in year::BRANDS {
        let report = year::run(&brand).await;
        print!("{report}");
        brands.push(report);
    }
    std::fs::write(&file, year::plot(&brands)).expect("docs can be written");
}
