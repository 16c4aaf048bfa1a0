//! `[measure]`, and what an account says of it.

use crate::model::TimeSpan;

use super::raw::{RawAccountMeasure, RawMeasure};
use super::reader::Located;
use super::resolve::Resolver;
use super::values::{Age, Whole};
use super::{MeasureConfig, MeasureKeep, Measuring};

type Ages = Option<Located<Vec<Located<Age>>>>;
type Requests = Option<Located<Whole<0, { MeasureConfig::MOST_REQUESTS }>>>;

impl Resolver<'_> {
    pub fn measure(&mut self) -> MeasureConfig {
        let Some(raw) = self.single("measure", |file: &super::raw::RawFile| &file.measure) else {
            return MeasureConfig::default();
        };
        let RawMeasure {
            ages,
            requests_per_day,
            keep,
        } = raw;
        let default = MeasureKeep::default();
        let keep = keep.as_ref().map(|keep| &keep.value);
        let every = keep.and_then(|keep| keep.every.as_ref());
        let daily = keep.and_then(|keep| keep.daily.as_ref());
        let kept = MeasureKeep {
            every: every.map_or(default.every, |span| span.value.0),
            daily: daily.map_or(default.daily, |span| span.value.0),
        };
        if let Some(place) = daily.map(|one| &one.place).or(every.map(|one| &one.place))
            && kept.daily < kept.every
        {
            let message = format!(
                "`daily` ({}) ends before `every` ({}) does",
                kept.daily, kept.every
            );
            self.error(place, message);
        }
        MeasureConfig {
            common: self.measuring(ages, requests_per_day, &Measuring::default()),
            keep: kept,
        }
    }

    /// What an account says, else what `[measure]` does.
    pub fn account_measure(
        &mut self,
        raw: Option<&Located<RawAccountMeasure>>,
        common: &Measuring,
    ) -> Measuring {
        match raw {
            Some(raw) => {
                let (ages, requests) = (&raw.value.ages, &raw.value.requests_per_day);
                self.measuring(ages, requests, common)
            }
            None => common.clone(),
        }
    }

    fn measuring(&mut self, ages: &Ages, requests: &Requests, otherwise: &Measuring) -> Measuring {
        let ages = match ages {
            Some(written) => {
                let mut ages: Vec<TimeSpan> = Vec::new();
                for age in &written.value {
                    if ages.contains(&age.value.0) {
                        self.error(&age.place, format!("{} stands here twice", age.value.0));
                    }
                    ages.push(age.value.0);
                }
                ages.sort_unstable();
                ages
            }
            None => otherwise.ages.clone(),
        };
        Measuring {
            ages,
            requests_per_day: requests
                .as_ref()
                .map_or(otherwise.requests_per_day, |number| number.value.small()),
        }
    }
}
