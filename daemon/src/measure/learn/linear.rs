//! The little linear algebra that a Gaussian posterior takes.

/// The lower triangle L of a symmetric positive definite matrix A = L·Lᵀ, row by row.
pub(super) struct Cholesky {
    size: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// Of the matrix whose cells `of` gives. What is not quite positive definite, by rounding,
    /// is taken for it.
    pub fn new(size: usize, of: impl Fn(usize, usize) -> f64) -> Self {
        let mut lower = vec![0.0; size * size];
        for row in 0..size {
            for column in 0..=row {
                let (left, right) = (row * size, column * size);
                let dot: f64 = lower[left..left + column]
                    .iter()
                    .zip(&lower[right..right + column])
                    .map(|(a, b)| a * b)
                    .sum();
                let rest = of(row, column) - dot;
                lower[left + column] = if row == column {
                    rest.max(1e-12).sqrt()
                } else {
                    rest / lower[right + column]
                };
            }
        }
        Cholesky { size, lower }
    }

    /// L⁻¹·b.
    pub fn forward(&self, b: &[f64]) -> Vec<f64> {
        let mut solved = b.to_vec();
        for row in 0..self.size {
            let start = row * self.size;
            let dot: f64 = self.lower[start..start + row]
                .iter()
                .zip(&solved)
                .map(|(a, b)| a * b)
                .sum();
            solved[row] = (solved[row] - dot) / self.lower[start + row];
        }
        solved
    }

    /// L·b.
    pub fn times(&self, b: &[f64]) -> Vec<f64> {
        let rows = (0..self.size).map(|row| {
            let start = row * self.size;
            let cells = &self.lower[start..=start + row];
            cells.iter().zip(b).map(|(a, b)| a * b).sum()
        });
        rows.collect()
    }

    /// The logarithm of A's determinant.
    pub fn log_determinant(&self) -> f64 {
        let diagonal = (0..self.size).map(|row| self.lower[row * self.size + row].ln());
        2.0 * diagonal.sum::<f64>()
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_taken_apart_and_put_together() {
        let a = [[4.0, 2.0, 0.6], [2.0, 5.0, 1.0], [0.6, 1.0, 3.0]];
        let cholesky = Cholesky::new(3, |row, column| a[row][column]);
        let x = [1.0, -2.0, 0.5];
        let b: Vec<f64> = a.iter().map(|row| dot(row, &x)).collect();
        // bᵀ·A⁻¹·b = xᵀ·A·x.
        let half = cholesky.forward(&b);
        assert!((dot(&half, &half) - dot(&x, &b)).abs() < 1e-9);
        let back = cholesky.times(&half);
        assert!(back.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9));
        let determinant: f64 = 4.0 * 14.0 - 2.0 * (6.0 - 0.6) + 0.6 * (2.0 - 3.0);
        assert!((cholesky.log_determinant() - determinant.ln()).abs() < 1e-9);
    }
}
