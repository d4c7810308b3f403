//! Vectors of bytes, one implementation for each set of instructions.
//!
//! The compiler's own vectors would do for the arithmetic, but it turns the conditional AND, which is
//! nearly all of the work, into a branch.

/// What every CPU of the target has.
#[cfg(not(target_arch = "aarch64"))]
pub(super) type Portable = [u8; 16];
#[cfg(target_arch = "aarch64")]
pub(super) type Portable = std::arch::aarch64::uint8x16_t;

/// A vector of bytes.
///
/// # Safety
/// The methods may only run where the CPU has the instructions of the type, and must be inlined into
/// a function that may use them.
pub(super) trait Bytes: Copy {
    const LEN: usize;

    fn splat(byte: u8) -> Self;

    /// The first [`Self::LEN`] bytes.
    fn load(bytes: &[u8]) -> Self;

    /// Overwrites the first [`Self::LEN`] bytes.
    fn store(self, bytes: &mut [u8]);

    /// `self & keep` where `asked` is above `bound`, else `self`.
    fn strike(self, asked: Self, bound: Self, keep: Self) -> Self;

    /// `then` where the byte is not zero, else `otherwise`.
    fn choose(self, then: Self, otherwise: Self) -> Self;

    /// How many of the thresholds a value is above.
    #[inline(always)]
    fn count_below(value: f64, thresholds: &[f64; 16]) -> u8 {
        thresholds
            .iter()
            .map(|threshold| u8::from(value > *threshold))
            .sum()
    }
}

#[cfg(not(target_arch = "aarch64"))]
impl Bytes for [u8; 16] {
    const LEN: usize = 16;

    #[inline(always)]
    fn splat(byte: u8) -> Self {
        [byte; 16]
    }

    #[inline(always)]
    fn load(bytes: &[u8]) -> Self {
        bytes.first_chunk().copied().unwrap_or_default()
    }

    #[inline(always)]
    fn store(self, bytes: &mut [u8]) {
        bytes[..16].copy_from_slice(&self);
    }

    #[inline(always)]
    fn strike(self, asked: Self, bound: Self, keep: Self) -> Self {
        std::array::from_fn(|byte| {
            let stays = u8::from(asked[byte] <= bound[byte]).wrapping_neg();
            self[byte] & (stays | keep[byte])
        })
    }

    #[inline(always)]
    fn choose(self, then: Self, otherwise: Self) -> Self {
        std::array::from_fn(|byte| {
            let chosen = u8::from(self[byte] != 0).wrapping_neg();
            (then[byte] & chosen) | (otherwise[byte] & !chosen)
        })
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use std::arch::aarch64::*;

    impl super::Bytes for uint8x16_t {
        const LEN: usize = 16;

        #[inline(always)]
        fn splat(byte: u8) -> Self {
            // SAFETY: every CPU of the target has NEON.
            unsafe { vdupq_n_u8(byte) }
        }

        #[inline(always)]
        fn load(bytes: &[u8]) -> Self {
            // SAFETY: as above, and the slice holds what is read.
            unsafe { vld1q_u8(bytes[..16].as_ptr()) }
        }

        #[inline(always)]
        fn store(self, bytes: &mut [u8]) {
            // SAFETY: as above, and the slice holds what is written.
            unsafe { vst1q_u8(bytes[..16].as_mut_ptr(), self) }
        }

        #[inline(always)]
        fn strike(self, asked: Self, bound: Self, keep: Self) -> Self {
            // SAFETY: every CPU of the target has NEON.
            unsafe { vandq_u8(self, vorrq_u8(vcleq_u8(asked, bound), keep)) }
        }

        #[inline(always)]
        fn choose(self, then: Self, otherwise: Self) -> Self {
            // SAFETY: every CPU of the target has NEON.
            unsafe { vbslq_u8(vtstq_u8(self, self), then, otherwise) }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    /// AVX2.
    impl super::Bytes for __m256i {
        const LEN: usize = 32;

        #[inline(always)]
        fn splat(byte: u8) -> Self {
            // SAFETY: the trait says that the CPU has AVX2.
            unsafe { _mm256_set1_epi8(byte as i8) }
        }

        #[inline(always)]
        fn load(bytes: &[u8]) -> Self {
            // SAFETY: as above, and the slice holds what is read.
            unsafe { _mm256_loadu_si256(bytes[..32].as_ptr().cast()) }
        }

        #[inline(always)]
        fn store(self, bytes: &mut [u8]) {
            // SAFETY: as above, and the slice holds what is written.
            unsafe { _mm256_storeu_si256(bytes[..32].as_mut_ptr().cast(), self) }
        }

        #[inline(always)]
        fn strike(self, asked: Self, bound: Self, keep: Self) -> Self {
            // SAFETY: the trait says that the CPU has AVX2.
            unsafe {
                let stays = _mm256_cmpeq_epi8(_mm256_min_epu8(asked, bound), asked);
                _mm256_and_si256(self, _mm256_or_si256(stays, keep))
            }
        }

        #[inline(always)]
        fn choose(self, then: Self, otherwise: Self) -> Self {
            // SAFETY: the trait says that the CPU has AVX2.
            unsafe {
                let zero = _mm256_cmpeq_epi8(self, _mm256_setzero_si256());
                _mm256_blendv_epi8(then, otherwise, zero)
            }
        }
    }

    /// AVX-512 with its instructions on bytes (BW).
    impl super::Bytes for __m512i {
        const LEN: usize = 64;

        #[inline(always)]
        fn splat(byte: u8) -> Self {
            // SAFETY: the trait says that the CPU has AVX-512.
            unsafe { _mm512_set1_epi8(byte as i8) }
        }

        #[inline(always)]
        fn load(bytes: &[u8]) -> Self {
            // SAFETY: as above, and the slice holds what is read.
            unsafe { _mm512_loadu_si512(bytes[..64].as_ptr().cast()) }
        }

        #[inline(always)]
        fn store(self, bytes: &mut [u8]) {
            // SAFETY: as above, and the slice holds what is written.
            unsafe { _mm512_storeu_si512(bytes[..64].as_mut_ptr().cast(), self) }
        }

        #[inline(always)]
        fn strike(self, asked: Self, bound: Self, keep: Self) -> Self {
            // SAFETY: the trait says that the CPU has AVX-512.
            unsafe {
                let above = _mm512_cmpgt_epu8_mask(asked, bound);
                _mm512_mask_mov_epi8(self, above, _mm512_and_si512(self, keep))
            }
        }

        #[inline(always)]
        fn choose(self, then: Self, otherwise: Self) -> Self {
            // SAFETY: the trait says that the CPU has AVX-512.
            unsafe { _mm512_mask_mov_epi8(otherwise, _mm512_test_epi8_mask(self, self), then) }
        }

        #[inline(always)]
        fn count_below(value: f64, thresholds: &[f64; 16]) -> u8 {
            // SAFETY: the trait says that the CPU has AVX-512, and what is read are eight numbers twice.
            let below = unsafe {
                let value = _mm512_set1_pd(value);
                let first = _mm512_loadu_pd(thresholds.as_ptr());
                let last = _mm512_loadu_pd(thresholds[8..].as_ptr());
                _mm512_cmp_pd_mask::<_CMP_LT_OQ>(first, value).count_ones()
                    + _mm512_cmp_pd_mask::<_CMP_LT_OQ>(last, value).count_ones()
            };
            below as u8
        }
    }
}
