//! Samples in few bytes: a column for each measure, and of every number what it differs from
//! the one before it, in as many bytes as that needs.
//!
//! ```text
//! block   = 1, columns, column*, samples, sample*
//! column  = number of a known measure | 0, length, name
//! sample  = time, [which columns have a number], number*
//! time    = 2 × (milliseconds since the sample before, or since 1970) + (a column has none)
//! number  = what it differs from the column's last, zigzag
//! ```
//!
//! Everything but names and the bits of columns is a LEB128 number.

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::model::{Measure, Metric, Sample, Timestamp};

/// The first byte: another encoding gets another.
const VERSION: u64 = 1;

/// Samples in the order of time, no two of the same moment. Bytes in the store, samples in
/// an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block(Vec<Sample>);

impl Block {
    pub fn samples(&self) -> &[Sample] {
        &self.0
    }

    pub fn into_samples(self) -> Vec<Sample> {
        self.0
    }

    /// Puts a sample in its place; one of the same moment is replaced. Of a measure that it
    /// has twice, the last counts.
    pub fn put(&mut self, sample: &Sample) {
        let sample = tidy(sample);
        match self.0.binary_search_by_key(&sample.at, |one| one.at) {
            Ok(at) => self.0[at] = sample,
            Err(at) => self.0.insert(at, sample),
        }
    }

    pub fn pop(&mut self) -> Option<Sample> {
        self.0.pop()
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut columns: Vec<&Measure> = Vec::new();
        for metric in self.0.iter().flat_map(|sample| &sample.metrics) {
            if !columns.contains(&&metric.measure) {
                columns.push(&metric.measure);
            }
        }
        let mut out = Vec::new();
        number(&mut out, VERSION);
        number(&mut out, columns.len() as u64);
        for measure in &columns {
            match measure.code() {
                Some(code) => out.push(code),
                None => {
                    out.push(0);
                    number(&mut out, measure.name().len() as u64);
                    out.extend(measure.name().as_bytes());
                }
            }
        }
        number(&mut out, self.0.len() as u64);
        let mut last = vec![0_i64; columns.len()];
        let mut before = 0;
        for sample in &self.0 {
            let numbers: Vec<Option<i64>> =
                columns.iter().map(|measure| sample.get(measure)).collect();
            let lacks = numbers.iter().any(Option::is_none);
            // Two bits are spared by the year 9999, so that nothing overflows.
            number(&mut out, ((sample.at.0 - before) << 1) | u64::from(lacks));
            before = sample.at.0;
            if lacks {
                for eight in numbers.chunks(8) {
                    let bits = eight.iter().enumerate();
                    out.push(bits.fold(0, |byte, (bit, one)| {
                        byte | (u8::from(one.is_some()) << bit)
                    }));
                }
            }
            for (last, value) in last.iter_mut().zip(numbers) {
                if let Some(value) = value {
                    number(&mut out, zigzag(value.wrapping_sub(*last)));
                    *last = value;
                }
            }
        }
        out
    }

    /// # Errors
    /// Why these bytes are no block.
    pub fn decode(bytes: &[u8]) -> Result<Self, Broken> {
        let mut from = Bytes(bytes);
        if from.number()? != VERSION {
            return Err(Broken("an encoding that this version does not know"));
        }
        let count = from.count()?;
        let mut columns = Vec::with_capacity(count);
        for _ in 0..count {
            let measure = match from.byte()? {
                0 => {
                    let length = from.count()?;
                    let name = std::str::from_utf8(from.take(length)?).ok();
                    name.and_then(|name| name.parse().ok())
                }
                code => Measure::of_code(code),
            };
            columns.push(measure.ok_or(Broken("a measure of no known name"))?);
        }
        let count = from.count()?;
        let mut samples = Vec::with_capacity(count);
        let mut last = vec![0_i64; columns.len()];
        let mut at = 0_u64;
        for place in 0..count {
            let time = from.number()?;
            if place > 0 && time >> 1 == 0 {
                return Err(Broken("two samples of the same moment"));
            }
            at = at
                .checked_add(time >> 1)
                .filter(|at| *at <= Timestamp::MAX.0)
                .ok_or(Broken("a time that is none"))?;
            let there = match time & 1 {
                0 => None,
                _ => Some(from.take(columns.len().div_ceil(8))?),
            };
            let mut metrics = Vec::with_capacity(columns.len());
            for (column, measure) in columns.iter().enumerate() {
                let has = there.is_none_or(|bits| bits[column / 8] >> (column % 8) & 1 == 1);
                if has {
                    last[column] = last[column].wrapping_add(unzigzag(from.number()?));
                    metrics.push(Metric {
                        measure: measure.clone(),
                        value: last[column],
                    });
                }
            }
            samples.push(Sample {
                at: Timestamp(at),
                metrics,
            });
        }
        if !from.0.is_empty() {
            return Err(Broken("it goes on after its end"));
        }
        Ok(Block(samples))
    }
}

/// Each measure once.
fn tidy(sample: &Sample) -> Sample {
    let mut metrics: Vec<Metric> = Vec::with_capacity(sample.metrics.len());
    for metric in &sample.metrics {
        match metrics.iter_mut().find(|one| one.measure == metric.measure) {
            Some(one) => one.value = metric.value,
            None => metrics.push(metric.clone()),
        }
    }
    Sample {
        at: sample.at.min(Timestamp::MAX),
        metrics,
    }
}

impl FromIterator<Sample> for Block {
    fn from_iter<I: IntoIterator<Item = Sample>>(samples: I) -> Self {
        let mut block = Block::default();
        for sample in samples {
            block.put(&sample);
        }
        block
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(&'static str);

const CUT: Broken = Broken("it is cut off");

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> Result<u8, Broken> {
        let (first, rest) = self.0.split_first().ok_or(CUT)?;
        self.0 = rest;
        Ok(*first)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, Broken> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Broken("a number that is too large"))
    }

    /// Of things of at least one byte each: never more than there are bytes.
    fn count(&mut self) -> Result<usize, Broken> {
        let count = self.number()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.0.len() => Ok(count),
            _ => Err(CUT),
        }
    }
}

impl Serialize for Block {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.0.serialize(serializer)
        } else {
            serializer.serialize_bytes(&self.encode())
        }
    }
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Packed;
        impl Visitor<'_> for Packed {
            type Value = Block;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a block of samples")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Block, E> {
                Block::decode(bytes).map_err(E::custom)
            }
        }
        if deserializer.is_human_readable() {
            Ok(Vec::<Sample>::deserialize(deserializer)?
                .into_iter()
                .collect())
        } else {
            deserializer.deserialize_bytes(Packed)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measures() -> impl Strategy<Value = Measure> {
        prop_oneof![
            (1_u8..=13).prop_map(|code| Measure::of_code(code).unwrap()),
            "[a-z0-9-]{1,40}".prop_map(|name| name.parse().unwrap()),
        ]
    }

    fn values() -> impl Strategy<Value = i64> {
        prop_oneof![0..100_000_i64, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
    }

    fn samples() -> impl Strategy<Value = Vec<Sample>> {
        let sample = (
            prop_oneof![0..2_000_000_000_000_u64, 0..=Timestamp::MAX.0],
            proptest::collection::vec((measures(), values()), 0..12),
        );
        let sample = sample.prop_map(|(at, numbers)| Sample {
            at: Timestamp(at),
            metrics: numbers
                .into_iter()
                .map(|(measure, value)| Metric { measure, value })
                .collect(),
        });
        proptest::collection::vec(sample, 0..40)
    }

    /// As the words on [`Block::put`] have it.
    fn plain(samples: &[Sample]) -> std::collections::BTreeMap<u64, Vec<(Measure, i64)>> {
        let mut all = std::collections::BTreeMap::new();
        for sample in samples {
            let mut numbers = std::collections::BTreeMap::new();
            for metric in &sample.metrics {
                numbers.insert(metric.measure.clone(), metric.value);
            }
            all.insert(sample.at.0, numbers.into_iter().collect());
        }
        all
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(samples in samples()) {
            let block: Block = samples.iter().cloned().collect();
            let back = Block::decode(&block.encode()).unwrap();
            prop_assert_eq!(plain(back.samples()), plain(&samples));
            let json = serde_json::to_value(&block).unwrap();
            let read: Block = serde_json::from_value(json).unwrap();
            prop_assert_eq!(plain(read.samples()), plain(&samples));
            let packed = rmp_serde::to_vec(&block).unwrap();
            prop_assert_eq!(rmp_serde::from_slice::<Block>(&packed).unwrap(), back);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(block) = Block::decode(&bytes) {
                let again = Block::decode(&block.encode()).unwrap();
                prop_assert_eq!(plain(again.samples()), plain(block.samples()));
            }
        }

        #[test]
        fn what_was_cut_is_refused(samples in samples(), cut in 1..20_usize) {
            let bytes = samples.into_iter().collect::<Block>().encode();
            if let Some(end) = bytes.len().checked_sub(cut) {
                prop_assert!(Block::decode(&bytes[..end]).is_err());
            }
        }
    }

    #[test]
    fn a_post_s_numbers_of_a_quarter_are_small() {
        let ages: [u64; 10] = [
            15, 60, 180, 720, 1440, 4320, 10_080, 20_160, 40_320, 129_600,
        ];
        let samples = ages.iter().enumerate().map(|(number, minutes)| {
            let scale = number as i64 * 37;
            let numbers = [
                (Measure::Impressions, 240 * scale),
                (Measure::Reach, 190 * scale),
                (Measure::Likes, 9 * scale),
                (Measure::Comments, scale / 3),
                (Measure::Shares, scale / 5),
                (Measure::Saves, scale / 7),
            ];
            Sample {
                at: Timestamp(1_790_000_000_000 + minutes * 60_123),
                metrics: numbers
                    .into_iter()
                    .map(|(measure, value)| Metric { measure, value })
                    .collect(),
            }
        });
        let bytes = samples.collect::<Block>().encode();
        assert!(bytes.len() < 180, "{} bytes", bytes.len());
    }
}
