//! LightGBM's C API (`c_api.h`), of the shared library that the Python package brings.

use std::{
    ffi::{CString, c_char, c_int, c_void},
    path::{Path, PathBuf},
    process::Command,
    ptr,
};

use libloading::{Library, Symbol};

use super::Result;

const FLOAT64: c_int = 1;
const NORMAL: c_int = 0;
const PARAMETERS: &std::ffi::CStr = c"num_threads=1";

/// A model in LightGBM's hands.
pub struct Booster {
    library: Library,
    handle: *mut c_void,
    /// For calls of one row, prepared once.
    fast: *mut c_void,
    features: i32,
}

type Create = unsafe extern "C" fn(*const c_char, *mut c_int, *mut *mut c_void) -> c_int;
type Free = unsafe extern "C" fn(*mut c_void) -> c_int;
type Predict = unsafe extern "C" fn(
    *mut c_void,
    *const c_void,
    c_int,
    i32,
    i32,
    c_int,
    c_int,
    c_int,
    c_int,
    *const c_char,
    *mut i64,
    *mut f64,
) -> c_int;
type FastInit = unsafe extern "C" fn(
    *mut c_void,
    c_int,
    c_int,
    c_int,
    c_int,
    i32,
    *const c_char,
    *mut *mut c_void,
) -> c_int;
type FastPredict = unsafe extern "C" fn(*mut c_void, *const c_void, *mut i64, *mut f64) -> c_int;

fn done(code: c_int) -> Result<()> {
    match code {
        0 => Ok(()),
        _ => Err("LightGBM's library says that a call failed".into()),
    }
}

/// Where the package of a Python has the library.
pub fn path(python: &Path) -> Result<PathBuf> {
    let script = "import lightgbm, pathlib; \
                  print(pathlib.Path(lightgbm.__file__).parent / 'lib/lib_lightgbm.so')";
    let output = Command::new(python).args(["-c", script]).output()?;
    let path = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    if path.exists() {
        Ok(path)
    } else {
        Err(format!("{} has no LightGBM", python.display()).into())
    }
}

impl Booster {
    pub fn load(library: &Path, model: &Path, features: usize) -> Result<Self> {
        let model = CString::new(model.to_string_lossy().as_bytes())?;
        // SAFETY: the functions have the types that `c_api.h` gives them, and all pointers outlive the
        // calls that take them.
        unsafe {
            let library = Library::new(library)?;
            let mut booster = Self {
                library,
                handle: ptr::null_mut(),
                fast: ptr::null_mut(),
                features: i32::try_from(features)?,
            };
            let mut iterations = 0;
            let create: Symbol<'_, Create> =
                booster.library.get(b"LGBM_BoosterCreateFromModelfile")?;
            done(create(model.as_ptr(), &mut iterations, &mut booster.handle))?;
            let init: Symbol<'_, FastInit> = booster
                .library
                .get(b"LGBM_BoosterPredictForMatSingleRowFastInit")?;
            done(init(
                booster.handle,
                NORMAL,
                0,
                0,
                FLOAT64,
                booster.features,
                PARAMETERS.as_ptr(),
                &mut booster.fast,
            ))?;
            Ok(booster)
        }
    }

    /// Predicts rows of a row-major matrix on this thread.
    pub fn predict(&self, rows: &[f64], out: &mut [f64]) -> Result<()> {
        let count = i32::try_from(out.len())?;
        if rows.len() != out.len() * self.features as usize {
            return Err("a matrix of another size".into());
        }
        let mut written = 0;
        // SAFETY: as above; the sizes are those of the slices, and a row gives one number.
        unsafe {
            if let [out] = out {
                let predict: Symbol<'_, FastPredict> = self
                    .library
                    .get(b"LGBM_BoosterPredictForMatSingleRowFast")?;
                return done(predict(self.fast, rows.as_ptr().cast(), &mut written, out));
            }
            let predict: Symbol<'_, Predict> = self.library.get(b"LGBM_BoosterPredictForMat")?;
            done(predict(
                self.handle,
                rows.as_ptr().cast(),
                FLOAT64,
                count,
                self.features,
                1,
                NORMAL,
                0,
                0,
                PARAMETERS.as_ptr(),
                &mut written,
                out.as_mut_ptr(),
            ))
        }
    }
}

impl Drop for Booster {
    fn drop(&mut self) {
        // SAFETY: both are the library's own and are freed once.
        unsafe {
            for (name, handle) in [
                (&b"LGBM_FastConfigFree"[..], self.fast),
                (b"LGBM_BoosterFree", self.handle),
            ] {
                if !handle.is_null()
                    && let Ok(free) = self.library.get::<Free>(name)
                {
                    free(handle);
                }
            }
        }
    }
}
