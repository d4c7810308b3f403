(component
  (import "wasi:clocks/monotonic-clock@0.2.3" (instance (export "now" (func (result u64)))))
  (import "wasi:cli/environment@0.2.3" (instance (export "get-arguments" (func (result (list string))))))
  (instance $scalar)
  (export "wasmill:udf/scalar@0.2.0" (instance $scalar)))
