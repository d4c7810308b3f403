//! What the CPU can do, found out at run time.

/// The instructions that a kernel may use; the kernels are compiled once for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vectors {
    /// What every CPU of the target has: SSE2, or NEON.
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX-512 with permutations of bytes.
    #[cfg(target_arch = "x86_64")]
    Avx512Vbmi,
}

impl Vectors {
    /// All that this CPU can do, the best last.
    pub fn available() -> Vec<Self> {
        #[cfg(not(target_arch = "x86_64"))]
        return vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            let mut available = vec![Self::Portable];
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
            {
                available.push(Self::Avx2);
            }
            if available.contains(&Self::Avx2)
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                available.push(Self::Avx512);
                if is_x86_feature_detected!("avx512vbmi") {
                    available.push(Self::Avx512Vbmi);
                }
            }
            available
        }
    }

    /// The best that this CPU can do.
    pub fn best() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    /// Whether bytes of a whole vector can be permuted.
    pub fn permute_bytes(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return self == Self::Avx512Vbmi;
        #[cfg(not(target_arch = "x86_64"))]
        false
    }
}
