//! How much of an audience did something: the formula of the engagement rate.

use std::fmt;
use std::str::FromStr;

use crate::model::{Measure, Sample};

/// What counts as engagement. Clicks do not: few platforms tell of them, and where they do,
/// rates would not compare.
const INTERACTIONS: [Measure; 5] = [
    Measure::Likes,
    Measure::Comments,
    Measure::Shares,
    Measure::Quotes,
    Measure::Saves,
];

/// Of what the engagement rate is a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Base {
    /// People who saw the post.
    Reach,
    /// Times that it was seen; views where a platform counts these instead.
    Impressions,
    /// The account's, when the post was measured first.
    Followers,
}

impl Base {
    pub const ALL: [Base; 3] = [Base::Reach, Base::Impressions, Base::Followers];

    pub const fn name(self) -> &'static str {
        match self {
            Base::Reach => "reach",
            Base::Impressions => "impressions",
            Base::Followers => "followers",
        }
    }

    /// Its number; none where the platform did not tell, or told none.
    pub fn of(self, sample: &Sample, followers: Option<i64>) -> Option<i64> {
        let number = match self {
            Base::Reach => sample.get(&Measure::Reach),
            Base::Impressions => sample
                .get(&Measure::Impressions)
                .or_else(|| sample.get(&Measure::Views)),
            Base::Followers => sample.get(&Measure::Followers).or(followers),
        };
        number.filter(|number| *number > 0)
    }

    /// The first of these that a post has, in their order: by reach, by impressions, by
    /// followers.
    pub fn best(sample: &Sample, followers: Option<i64>) -> Option<Base> {
        let mut all = Base::ALL.into_iter();
        all.find(|base| base.of(sample, followers).is_some())
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Base {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let mut all = Base::ALL.into_iter();
        all.find(|base| base.name() == name).ok_or(())
    }
}

/// Likes, comments, shares, quotes and saves together; none where the platform tells of none
/// of them. What it does not count is left out, and not taken for zero by any other means.
pub fn interactions(sample: &Sample) -> Option<i64> {
    let counted = INTERACTIONS.iter().filter_map(|one| sample.get(one));
    counted.fold(None, |sum: Option<i64>, number| {
        Some(sum.unwrap_or(0).saturating_add(number))
    })
}

/// [`interactions`] ÷ base: 0.031 is 3.1 %. None where either is missing, or the base is
/// nothing.
pub fn engagement_rate(sample: &Sample, followers: Option<i64>, base: Base) -> Option<f64> {
    let of = base.of(sample, followers)?;
    Some(interactions(sample)? as f64 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metric, Timestamp};

    fn sample(numbers: &[(Measure, i64)]) -> Sample {
        let metrics = numbers.iter().map(|(measure, value)| Metric {
            measure: measure.clone(),
            value: *value,
        });
        Sample {
            at: Timestamp(1),
            metrics: metrics.collect(),
        }
    }

    #[test]
    fn the_rate_by_each_base() {
        let all = sample(&[
            (Measure::Reach, 400),
            (Measure::Impressions, 1000),
            (Measure::Views, 9000),
            (Measure::Likes, 20),
            (Measure::Comments, 4),
            (Measure::Shares, 3),
            (Measure::Quotes, 2),
            (Measure::Saves, 1),
            (Measure::Clicks, 500),
        ]);
        assert_eq!(interactions(&all), Some(30));
        let rate = |base| engagement_rate(&all, Some(600), base);
        assert_eq!(rate(Base::Reach), Some(0.075));
        assert_eq!(rate(Base::Impressions), Some(0.03));
        assert_eq!(rate(Base::Followers), Some(0.05));
    }

    #[test]
    fn what_is_missing_is_no_zero() {
        let likes = sample(&[(Measure::Likes, 0)]);
        assert_eq!(engagement_rate(&likes, None, Base::Reach), None);
        assert_eq!(engagement_rate(&likes, Some(0), Base::Followers), None);
        assert_eq!(
            engagement_rate(&likes, Some(10), Base::Followers),
            Some(0.0)
        );
        let seen = sample(&[(Measure::Views, 50)]);
        assert_eq!(engagement_rate(&seen, Some(10), Base::Impressions), None);
        assert_eq!(Base::best(&seen, Some(10)), Some(Base::Impressions));
        assert_eq!(Base::best(&likes, None), None);
    }
}
