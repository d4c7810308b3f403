(component
  (component $inner
    (core module $module
      (memory 1) (table 10 funcref) (global (mut i32) (i32.const 0))
      (func $loop (loop (br 0))) (start $loop)
      (data (i32.const 0) "text") (elem (i32.const 0) func $loop))
    (core instance (instantiate $module)))
  (instance (instantiate $inner))
  (instance $scalar)
  (export "wasmill:udf/scalar@0.2.0" (instance $scalar)))
