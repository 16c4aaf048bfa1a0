//! Random numbers by a seed: the same for the same words, on every machine.

/// Throws that follow from a text.
pub struct Draw(blake3::OutputReader);

impl Draw {
    pub fn new(text: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(text.as_bytes());
        Draw(hasher.finalize_xof())
    }

    /// From 0 to 1, without 1.
    pub fn part(&mut self) -> f64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// 0 up to `bound`, without it.
    pub fn below(&mut self, bound: usize) -> usize {
        ((self.part() * bound as f64) as usize).min(bound.saturating_sub(1))
    }

    /// By the normal distribution (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.part()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.part()).cos()
    }

    /// Puts a list into another order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let other = self.below(last + 1);
            list.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_follow_from_the_text_and_have_their_distribution() {
        let mut draw = Draw::new("a");
        let thrown: Vec<f64> = (0..4000).map(|_| draw.normal()).collect();
        let mut again = Draw::new("a");
        assert!(thrown.iter().all(|one| *one == again.normal()));
        let mean = thrown.iter().sum::<f64>() / 4000.0;
        let square = thrown.iter().map(|one| one * one).sum::<f64>() / 4000.0;
        assert!(
            mean.abs() < 0.05 && (square - 1.0).abs() < 0.1,
            "{mean} {square}"
        );
        let mut order: Vec<usize> = (0..50).collect();
        Draw::new("b").shuffle(&mut order);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(order != sorted && sorted == (0..50).collect::<Vec<_>>());
    }
}
